"""A text in two forms: the transcript, and what the voice engine is asked to say.

In: a draft in which a capital letter is a spelled letter and a comma is a pause: "that is J O H N,
at noon". Out: the transcript, "that is j o h n at noon", and the spoken form, "that is jay, oh
aitch, en, at noon". Letter names are needed because engines read "a" and "i" as words.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TypeVar

import numpy as np

Choice = TypeVar("Choice")

# Pronounced as the letter by espeak-ng (`espeak-ng -q -x NAME`), hibari and flite alike: "ay" is
# /aI/ in the first two, and espeak-ng spells "eff".
LETTER_NAMES = {
    "A": "eigh", "B": "bee", "C": "see", "D": "dee", "E": "ee", "F": "ef", "G": "gee",
    "H": "aitch", "I": "eye", "J": "jay", "K": "kay", "L": "ell", "M": "em", "N": "en",
    "O": "oh", "P": "pee", "Q": "cue", "R": "ar", "S": "ess", "T": "tee", "U": "you",
    "V": "vee", "W": "double you", "X": "ex", "Y": "why", "Z": "zee",
}  # fmt: skip
BRITISH_Z = "zed"
PAUSES = (0.0, 0.0, 0.3, 0.7, 1.0)  # probabilities of a pause after a letter; one is drawn per text


@dataclass(frozen=True)
class SpokenForm:
    """One text."""

    kind: str
    text: str  # the transcript: lower case, letters, apostrophes, single spaces
    say: str  # input of the voice engine


class Draw:
    """Random choices from one seed."""

    def __init__(self, seed: int | Sequence[int]) -> None:
        self._generator = np.random.default_rng(seed)

    def one(self, choices: Sequence[Choice]) -> Choice:
        """Return one of the choices."""
        return choices[int(self._generator.integers(len(choices)))]

    def number(self, first: int, last: int) -> int:
        """Return an integer from `first` to `last`, inclusive."""
        return int(self._generator.integers(first, last + 1))

    def chance(self, share: float) -> bool:
        """Return True with this probability."""
        return bool(self._generator.random() < share)

    def kind(self, shares: dict[str, float]) -> str:
        """Return a key, drawn with its value as weight."""
        weights = np.array(list(shares.values()))
        return list(shares)[int(self._generator.choice(len(weights), p=weights / weights.sum()))]


def form(kind: str, draft: str, draw: Draw) -> SpokenForm:
    """Return both forms of a draft.

    Args:
        kind: kind of the text.
        draft: lower-case words; capital letters are spelled, commas are pauses.
        draw: chooses "zee" or "zed", and pauses between letters.
    """
    text = re.sub(r"[^a-z']+", " ", draft.lower()).strip()
    names = LETTER_NAMES | ({"Z": BRITISH_Z} if draw.chance(0.3) else {})
    pauses = draw.one(PAUSES)
    say = re.sub(r"\b[A-Z](?: [A-Z]\b)*", lambda run: _say(run[0], names, pauses, draw), draft)
    return SpokenForm(kind, text, say)


def _say(letters: str, names: dict[str, str], pauses: float, draw: Draw) -> str:
    """Return the names of letters, with pauses in runs of more than two."""
    said = [names[letter] for letter in letters.split()]
    if len(said) > 2:
        said = [f"{name}," if draw.chance(pauses) else name for name in said[:-1]] + said[-1:]
    return " ".join(said)


def spelled(word: str) -> str:
    """Return a draft that spells the letters a to z of a word."""
    return " ".join(letter for letter in word.upper() if "A" <= letter <= "Z")
