"""The n-grams of the word language model.

In: the words before. Out: the log probability of a word, and the words of which an n-gram knows
that they follow. Words are counted from 1; 0 stands for the beginning of a sentence. As with
`language.LanguageModel`, a state is the tuple of the words before that still matter.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

BEGINNING = 0  # of a sentence, as a word
_CACHED = 4096  # histories

History = tuple[int, ...]


@dataclass(frozen=True, slots=True, eq=False)
class WordLevel:
    """The n-grams of one length, n of them; see `language.Level`.

    The numbers of words take three bytes, which are kept apart, so that a mapped file serves.
    """

    low: NDArray[np.uint16]  # (n,) the last word of each, its lower two bytes
    high: NDArray[np.uint8]  # (n,) its upper byte
    first: NDArray[np.int32]  # (n + 1,) where its children begin at the next length
    log_probs: NDArray[np.uint8]  # (n,) in steps of `step`, below 0
    backoffs: NDArray[np.uint8]  # (n,) in steps of `backoff_step`, above `least_backoff`
    step: float
    least_backoff: float
    backoff_step: float

    def words(self, places: slice) -> NDArray[np.int32]:
        """Return the last words of some n-grams."""
        return self.low[places] | (self.high[places].astype(np.int32) << 16)

    def scores(self, places: slice) -> NDArray[np.float32]:
        """Return the log probabilities of some n-grams."""
        return np.float32(-self.step) * self.log_probs[places]

    def backoff(self, place: int) -> float:
        """Return the log weight of what an n-gram does not know to follow."""
        return self.least_backoff + self.backoff_step * int(self.backoffs[place])


class Continuations(NamedTuple):
    """What an n-gram knows to follow."""

    words: NDArray[np.int32]  # (n,) ascending
    scores: NDArray[np.float32]  # (n,) natural log
    backoff: float  # natural log: what is added to the score, with a shorter history, of others


class WordNgrams:
    """What the next word may be, given the words before."""

    def __init__(self, levels: Sequence[WordLevel]) -> None:
        """Take the n-grams, the single words first."""
        self._levels = tuple(levels)
        self._known: dict[History, Continuations] = {}

    @property
    def order(self) -> int:
        """The length of the longest n-grams."""
        return len(self._levels)

    @property
    def count(self) -> int:
        """How many words there are, the beginning among them."""
        return len(self._levels[0].low)

    @property
    def unigrams(self) -> NDArray[np.float32]:
        """Return the log probability of each word without a history: (count,), natural log."""
        return self._levels[0].scores(slice(0, self.count))

    def step(self, history: History, word: int) -> History:
        """Return the history after one more word."""
        following = (*history, word)[-(self.order - 1) :] if self.order > 1 else ()
        while following and not len(self.continuations(following).words):
            following = following[1:]
        return following

    def continuations(self, history: History) -> Continuations:
        """Return what follows a history of one word or more; that it is kept changes nothing."""
        known = self._known.get(history)
        if known is None:
            if len(self._known) >= _CACHED:
                self._known = {}
            known = self._known[history] = self._find(history)
        return known

    def _find(self, history: History) -> Continuations:
        node, children = self._place(history) or (0, slice(0, 0))
        longer = self._levels[len(history)]
        level = self._levels[len(history) - 1]
        backoff = level.backoff(node) if children.start < children.stop else 0.0
        return Continuations(longer.words(children), longer.scores(children), backoff)

    def log_prob(self, history: History, word: int) -> float:
        """Return the log probability of a word after a history."""
        weight = 0.0
        for length in range(len(history), 0, -1):
            known = self.continuations(history[-length:])
            place = int(known.words.searchsorted(word))
            if place < len(known.words) and int(known.words[place]) == word:
                return weight + float(known.scores[place])
            weight += known.backoff
        return weight + float(self._levels[0].scores(slice(word, word + 1))[0])

    def _place(self, words: History) -> tuple[int, slice] | None:
        """Return an n-gram's place and that of its children; None if it has none."""
        node, first = words[0], self._levels[0].first
        children = slice(int(first[node]), int(first[node + 1]))
        for level, word in zip(self._levels[1:], words[1:], strict=False):
            neighbours = level.words(children)
            index = int(neighbours.searchsorted(word))
            if index == len(neighbours) or int(neighbours[index]) != word:
                return None
            node = children.start + index
            children = slice(int(level.first[node]), int(level.first[node + 1]))
        return (node, children) if children.start < children.stop else None
