"""Where in a command a name of which kind is to be expected.

In: the words before, one by one. Out: the place in which the next one stands: after "call" that of
a contact, after "turn on the" that of an appliance, mostly none. It is the class of "Contextual
speech recognition in end-to-end neural network systems using beam search" (Williams et al.,
Interspeech 2018) without its closing tags: names are favoured elsewhere too, but less.
"""

from __future__ import annotations

NOWHERE = 0
_CARRIERS: dict[str, str] = {
    "contacts": "call ring text message phone dial email mail contact tell invite with from to",
    "appliances": "turn switch dim brighten set open close lock unlock start stop toggle in",
    "media": "play queue shuffle hear put by",
}
# They may stand between the carrier and the name.
_FILLERS = frozenset(
    ("the", "my", "our", "a", "an", "some", "on", "off", "up", "down", "to", "me", "all")
)
KINDS = tuple(_CARRIERS)  # place n + 1 is that of kind n
PLACES = len(KINDS) + 1
_PLACE_OF = {
    word: place for place, words in enumerate(_CARRIERS.values(), 1) for word in words.split()
}


def after(place: int, word: str) -> int:
    """Return the place after one more word."""
    if place != NOWHERE and word in _FILLERS:
        return place
    return _PLACE_OF.get(word, NOWHERE)


def of(kind: str) -> int:
    """Return the place in which names of a kind are expected; NOWHERE for a kind without one."""
    return KINDS.index(kind) + 1 if kind in KINDS else NOWHERE
