"""Carrier phrases: where in a command a name of which kind is expected.

In: the words of a text, one by one. Out: the "place" of the next word: that of a contact after
"call", that of an appliance after "turn on the", NOWHERE after most words. A name earns a larger
bonus at the place of its kind than elsewhere. A place is like a class of Williams et al.,
"Contextual speech recognition in end-to-end neural network systems using beam search" (Interspeech
2018), without closing tags.
"""

from __future__ import annotations

NOWHERE = 0
_CARRIERS: dict[str, str] = {
    "contacts": "call ring text message phone dial email mail contact tell invite with from to",
    "appliances": "turn switch dim brighten set open close lock unlock start stop toggle in",
    "media": "play queue shuffle hear put by",
}
# Words that may stand between the carrier and the name.
_FILLERS = frozenset(
    ("the", "my", "our", "a", "an", "some", "on", "off", "up", "down", "to", "me", "all")
)
KINDS = tuple(_CARRIERS)  # place n + 1 is the place of kind n
PLACES = len(KINDS) + 1
_PLACE_OF = {
    word: place for place, words in enumerate(_CARRIERS.values(), 1) for word in words.split()
}


def after(place: int, word: str) -> int:
    """Return the place after a word, given the place of that word."""
    if place != NOWHERE and word in _FILLERS:
        return place
    return _PLACE_OF.get(word, NOWHERE)


def of(kind: str) -> int:
    """Return the place where names of a kind are expected; NOWHERE for an unknown kind."""
    return KINDS.index(kind) + 1 if kind in KINDS else NOWHERE
