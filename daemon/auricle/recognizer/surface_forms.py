"""How the second pass writes: with capitals and full stops, as Whisper does; here, words do not.

In: a text in plain words, or pieces that were written. Out: the pieces that may write the text on
from a place in it, or the plain words. Whisper knows "▁Turn" better than "▁turn" where a sentence
begins: a text is scored as it would write it, not as we do.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from auricle.tokenizer import WORD_START, Tokenizer

END = 0  # the piece after the last
MARKS = (",", ".", "?", "!")  # they are not spoken
SPOKEN = {"mr": "mister", "mrs": "missus", "dr": "doctor", "ok": "okay"}
LONGEST_CAPITALS = 3  # letters of a word that may be an abbreviation


@dataclass(frozen=True, slots=True)
class WritingState:
    """How far a text is written; a value."""

    words: tuple[tuple[tuple[int, ...], ...], ...]  # what is left, each with the ways to write it
    open: tuple[tuple[int, ...], ...] = ()  # what may be left of the word that is begun
    marked: bool = True  # after a mark, or at the start, none may stand


class Writing:
    """Knows the pieces; keeps nothing of a text."""

    def __init__(self, pieces: Tokenizer) -> None:
        self._pieces = pieces
        known = {piece: number for number, piece in enumerate(pieces.pieces)}
        self._marks = tuple(known[mark] for mark in MARKS if mark in known)

    def plain(self, pieces: Iterable[int]) -> str:
        """Return the words that pieces write, in small letters."""
        text = self._pieces.decode(pieces).lower().replace("-", " ")
        for mark in MARKS:
            text = text.replace(mark, "")
        return " ".join(SPOKEN.get(word, word) for word in text.split())

    def begins_word(self, piece: int) -> bool:
        """Return whether a piece begins a word."""
        return self._pieces.pieces[piece].startswith((WORD_START, "-"))

    def begin(self, text: str) -> WritingState:
        """Return the place before the first word of a plain text; what has no piece is left out."""
        ways = (self._ways(word) for word in text.split())
        return WritingState(tuple(way for way in ways if way))

    def following(self, place: WritingState) -> list[int]:
        """Return the pieces that may come next, the end among them where the text is written."""
        found = {way[0] for way in place.open if way}
        if not place.open or () in place.open:
            found |= {way[0] for way in place.words[0]} if place.words else {END}
            if not place.marked:
                found |= set(self._marks)
        return sorted(found)

    def take(self, place: WritingState, piece: int) -> WritingState:
        """Return the place after one of the pieces that may come next."""
        if any(way and way[0] == piece for way in place.open):
            return WritingState(place.words, _after(place.open, piece), marked=False)
        if piece in self._marks:
            return WritingState(place.words)
        return WritingState(place.words[1:], _after(place.words[0], piece), marked=False)

    def _ways(self, word: str) -> tuple[tuple[int, ...], ...]:
        forms = [word, word[:1].upper() + word[1:]]
        if len(word) <= LONGEST_CAPITALS:
            forms.append(word.upper())
        ways = {form: tuple(self._pieces.encode(form)) for form in forms}
        # A letter without a piece would be left out.
        whole = (way for form, way in ways.items() if self._pieces.decode(way) == form)
        return tuple(dict.fromkeys(whole))


def _after(ways: Sequence[tuple[int, ...]], piece: int) -> tuple[tuple[int, ...], ...]:
    """Return what is left of the ways that begin with a piece."""
    return tuple(way[1:] for way in ways if way and way[0] == piece)
