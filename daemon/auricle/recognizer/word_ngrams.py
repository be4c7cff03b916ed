"""The n-grams of the word language model.

In: the words so far. Out: the log probability of a word, and the words that follow in an n-gram.
Words are counted from 1; 0 is the beginning of a sentence. As in `language_model.LanguageModel`, a
history is the tuple of the last words that still matter.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

BEGINNING = 0  # word number of the beginning of a sentence
_CACHED = 4096  # cached histories

History = tuple[int, ...]


@dataclass(frozen=True, slots=True, eq=False)
class WordLevel:
    """The n n-grams of one length; see `language_model.NgramLevel`.

    Word numbers have three bytes, in two columns, so that the arrays are views of the mapped file.
    """

    low: NDArray[np.uint16]  # (n,) lower two bytes of the last word of each
    high: NDArray[np.uint8]  # (n,) its upper byte
    first: NDArray[np.int32]  # (n + 1,) index of its first child at the next length
    log_probs: NDArray[np.uint8]  # (n,) in steps of `step`, below 0
    backoffs: NDArray[np.uint8]  # (n,) in steps of `backoff_step`, above `least_backoff`
    step: float
    least_backoff: float
    backoff_step: float

    def words(self, places: slice) -> NDArray[np.int32]:
        """Return the last words of a range of n-grams."""
        return self.low[places] | (self.high[places].astype(np.int32) << 16)

    def scores(self, places: slice) -> NDArray[np.float32]:
        """Return the log probabilities of a range of n-grams."""
        return np.float32(-self.step) * self.log_probs[places]

    def backoff(self, place: int) -> float:
        """Return the log backoff weight of an n-gram."""
        return self.least_backoff + self.backoff_step * int(self.backoffs[place])


class Continuations(NamedTuple):
    """The words that follow a history in the n-grams."""

    words: NDArray[np.int32]  # (n,) ascending
    scores: NDArray[np.float32]  # (n,) log probabilities
    backoff: float  # log backoff weight: added to the score of any other word by a shorter history


class WordNgrams:
    """Log probabilities of the next word; its cache does not change any result."""

    def __init__(self, levels: Sequence[WordLevel]) -> None:
        """Build the model from its levels, unigrams first."""
        self._levels = tuple(levels)
        self._known: dict[History, Continuations] = {}

    @property
    def order(self) -> int:
        """Length of the longest n-grams."""
        return len(self._levels)

    @property
    def count(self) -> int:
        """Number of words, including the beginning of a sentence."""
        return len(self._levels[0].low)

    @property
    def unigrams(self) -> NDArray[np.float32]:
        """Log probability of each word without a history: (count,) float32."""
        return self._levels[0].scores(slice(0, self.count))

    def step(self, history: History, word: int) -> History:
        """Return the history after one more word."""
        following = (*history, word)[-(self.order - 1) :] if self.order > 1 else ()
        while following and not len(self.continuations(following).words):
            following = following[1:]
        return following

    def continuations(self, history: History) -> Continuations:
        """Return the words that follow a history of at least one word, cached."""
        known = self._known.get(history)
        if known is None:
            if len(self._known) >= _CACHED:
                self._known = {}
            known = self._known[history] = self._find(history)
        return known

    def _find(self, history: History) -> Continuations:
        """Return the words that follow a history."""
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
        """Return the index of an n-gram and the range of its children; None without children."""
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
