"""Spelled letters: names and words letter by letter, "d as in delta", codes, abbreviations.

In: words to spell. Out: drafts, see `form`.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence

from auricle_train.synthesis.texts.form import Draw, spelled
from auricle_train.synthesis.texts.numbers import digits

NATO = (
    "alpha", "bravo", "charlie", "delta", "echo", "foxtrot", "golf", "hotel", "india", "juliet",
    "kilo", "lima", "mike", "november", "oscar", "papa", "quebec", "romeo", "sierra", "tango",
    "uniform", "victor", "whiskey", "x ray", "yankee", "zulu",
)  # fmt: skip
LETTERS = "ABCDEFGHIJKLMNOPQRSTUVWXYZ"
JOINTS = ("as in", "as in", "for", "like")
FIRST, LAST = 3, 10  # letters of a word that is spelled
CARRIERS = (
    "spell {letters}", "that is {letters}", "that's {letters}", "{letters}", "{letters}",
    "{word} {letters}", "{word}, {letters}", "it is spelled {letters}", "search for {letters}",
    "my name is {word}, {letters}", "my last name is spelled {letters}", "call {letters}",
    "the first letters are {letters}", "write {letters}", "no, {letters}", "add {letters}",
    "how do you spell {word}", "spell {word}", "spell {word} for me please",
    "does {word} start with {letter}", "what does {letters} stand for",
    "is it {letter} or {other}", "it begins with {letter}", "{word} with {letter}",
)  # fmt: skip
CODE_CARRIERS = (
    "{code}", "my booking code is {code}", "the licence plate is {code}", "flight {code}",
    "the serial number is {code}", "my post code is {code}", "gate {code}", "the model is {code}",
    "seat {code}", "track package {code}", "the password is {code}", "room {code}",
)  # fmt: skip


class Spelling:
    """Samples drafts with spelled words."""

    def __init__(self, words: Sequence[str]) -> None:
        """Take the words to spell; they also serve as examples of their first letter."""
        self._words = [word for word in words if FIRST <= len(word) <= LAST and word.isalpha()]
        self._by_letter: dict[str, list[str]] = defaultdict(list)
        for word in self._words:
            self._by_letter[word[0].upper()].append(word)

    def letters(self, draw: Draw) -> str:
        """Return a sentence with a spelled word."""
        word = draw.one(self._words)
        return draw.one(CARRIERS).format(
            word=word, letters=spelled(word), letter=word[0].upper(), other=draw.one(LETTERS)
        )

    def explained(self, draw: Draw) -> str:
        """Return letters, each with an example word: "d as in delta, e as in echo"."""
        word = draw.one(self._words)[: draw.number(1, 5)].upper()
        joint, nato = draw.one(JOINTS), draw.chance(0.5)
        parts = [f"{letter} {joint} {self._example(letter, nato, draw)}" for letter in word]
        return ("spell " if draw.chance(0.2) else "") + ", ".join(parts)

    def code(self, draw: Draw) -> str:
        """Return a code of letters and digits: a licence plate, a seat, a booking."""
        parts = [
            draw.one(LETTERS) if draw.chance(0.6) else digits(str(draw.number(0, 9)), draw)
            for _ in range(draw.number(2, 7))
        ]
        return draw.one(CODE_CARRIERS).format(code=" ".join(parts))

    def _example(self, letter: str, nato: bool, draw: Draw) -> str:
        known = self._by_letter.get(letter)
        return draw.one(known) if known and not nato else NATO[LETTERS.index(letter)]
