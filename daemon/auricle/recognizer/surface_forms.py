"""Surface forms: converts between plain text and the text of the second pass.

The plain text of the recogniser has neither capitals nor punctuation. The second pass writes both,
as Whisper does. In: a plain text. Out: the pieces that may come next in any surface form of it. So
a text is scored in the form that the decoder prefers: at the start of a sentence, "▁Turn" is more
probable than "▁turn". In the other direction, `Writing.plain` returns the plain text of pieces.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from auricle.tokenizer import WORD_START, Tokenizer

END = 0  # the piece that ends the text
MARKS = (",", ".", "?", "!")  # punctuation that is allowed between words
SPOKEN = {"mr": "mister", "mrs": "missus", "dr": "doctor", "ok": "okay"}  # to plain words
LONGEST_CAPITALS = 3  # letters: a word up to this length may be written in capitals


@dataclass(frozen=True, slots=True)
class WritingState:
    """How much of a text is written; immutable."""

    words: tuple[tuple[tuple[int, ...], ...], ...]  # ways to write each remaining word, in pieces
    open: tuple[tuple[int, ...], ...] = ()  # possible remainders of the word in progress
    marked: bool = True  # at the start or after a mark, where no mark may follow


class Writing:
    """Converts texts for one vocabulary of pieces."""

    def __init__(self, pieces: Tokenizer) -> None:
        self._pieces = pieces
        known = {piece: number for number, piece in enumerate(pieces.pieces)}
        self._marks = tuple(known[mark] for mark in MARKS if mark in known)

    def plain(self, pieces: Iterable[int]) -> str:
        """Return the plain text of pieces."""
        text = self._pieces.decode(pieces).lower().replace("-", " ")
        for mark in MARKS:
            text = text.replace(mark, "")
        return " ".join(SPOKEN.get(word, word) for word in text.split())

    def begins_word(self, piece: int) -> bool:
        """Return whether a piece begins a word."""
        return self._pieces.pieces[piece].startswith((WORD_START, "-"))

    def begin(self, text: str) -> WritingState:
        """Return the state before the first word of a plain text.

        Words that the pieces cannot write are left out.
        """
        ways = (self._ways(word) for word in text.split())
        return WritingState(tuple(way for way in ways if way))

    def following(self, place: WritingState) -> list[int]:
        """Return the pieces that may come next, with END if the text is complete."""
        found = {way[0] for way in place.open if way}
        if not place.open or () in place.open:
            found |= {way[0] for way in place.words[0]} if place.words else {END}
            if not place.marked:
                found |= set(self._marks)
        return sorted(found)

    def take(self, place: WritingState, piece: int) -> WritingState:
        """Return the state after a piece, which must be one of `following`."""
        if any(way and way[0] == piece for way in place.open):
            return WritingState(place.words, _after(place.open, piece), marked=False)
        if piece in self._marks:
            return WritingState(place.words)
        return WritingState(place.words[1:], _after(place.words[0], piece), marked=False)

    def _ways(self, word: str) -> tuple[tuple[int, ...], ...]:
        """Return the distinct ways to write a word in pieces."""
        forms = [word, word[:1].upper() + word[1:]]
        if len(word) <= LONGEST_CAPITALS:
            forms.append(word.upper())
        ways = {form: tuple(self._pieces.encode(form)) for form in forms}
        # `encode` drops letters without a piece: skip forms that are not written in full.
        whole = (way for form, way in ways.items() if self._pieces.decode(way) == form)
        return tuple(dict.fromkeys(whole))


def _after(ways: Sequence[tuple[int, ...]], piece: int) -> tuple[tuple[int, ...], ...]:
    """Return the remainders of the ways that begin with a piece."""
    return tuple(way[1:] for way in ways if way and way[0] == piece)
