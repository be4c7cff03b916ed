"""Fixtures for tests of search and lattice: random lattices, networks and language models."""

from __future__ import annotations

import random
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
import pytest
from numpy.typing import NDArray

from auricle.lattice.lattice import Arc, Lattice
from auricle.recognizer import language_model, word_model
from auricle.recognizer.lexicon import build_lexicon


class ToyNetwork:
    """A transducer with random scores that depend on frame and context."""

    def __init__(self, pieces: Sequence[str], seed: int = 0, blank_bonus: float = 0.0) -> None:
        self.pieces = tuple(pieces)
        size = len(pieces)
        generator = np.random.default_rng(seed)
        self._table = generator.normal(scale=2.0, size=(size, size, size))
        self._table[:, :, 0] += blank_bonus
        self._generator = generator
        self.calls: list[int] = []  # number of contexts in each call

    def frames(self, count: int) -> NDArray[np.float32]:
        """Return random encoder frames (count, vocabulary), which are added to the scores."""
        return self._generator.normal(size=(count, len(self.pieces))).astype(np.float32)

    def log_probs(
        self, frame: NDArray[np.float32], contexts: Sequence[tuple[int, int]]
    ) -> NDArray[np.float32]:
        """Return (contexts, vocabulary): log probabilities of the next token."""
        assert len(set(contexts)) == len(contexts)
        self.calls.append(len(contexts))
        logits = np.stack([self._table[context] + frame for context in contexts])
        totals = np.log(np.exp(logits).sum(axis=1, keepdims=True))
        return (logits - totals).astype(np.float32)


@dataclass(frozen=True)
class ToyLanguage:
    """A random n-gram model: its file and its content."""

    content: bytes
    ngrams: dict[language_model.State, tuple[float, float]]  # log probability and log backoff
    levels: list[language_model.NgramLevel]


def _make_language(pieces: Sequence[str], seed: int = 0, order: int = 3) -> ToyLanguage:
    """Return a random model; each possible longer n-gram exists with probability 0.5."""
    draw = np.random.default_rng(seed)
    size = len(pieces)
    keys: list[language_model.State] = [(token,) for token in range(size)]
    ngrams, levels = {}, []
    for length in range(1, order + 1):
        count = len(keys)
        longer = [
            (*key, token)
            for key in keys
            for token in range(1, size)
            if length < order and draw.random() < 0.5
        ]
        parents = [key[:-1] for key in longer]
        children = [parents.count(key) for key in keys]
        level = language_model.NgramLevel(
            tokens=np.array([key[-1] for key in keys], np.uint16),
            first=np.cumsum([0, *children]),
            log_probs=draw.integers(0, 256, count, np.uint8),
            backoffs=draw.integers(0, 256, count, np.uint8),
            step=0.0625,
            least_backoff=-4.0,
            backoff_step=0.015625,
        )
        for key, children_count, prob, backoff in zip(
            keys, children, level.log_probs.tolist(), level.backoffs.tolist(), strict=True
        ):
            weight = -4.0 + 0.015625 * backoff if children_count else 0.0
            ngrams[key] = (-0.0625 * prob, weight)
        levels.append(level)
        keys = longer
    return ToyLanguage(language_model.pack(levels, pieces), ngrams, levels)


def _make_lattice(seed: int) -> Lattice:
    """Return a random lattice of up to 7 states with repeated words and consistent times."""
    draw = random.Random(seed)
    final = draw.randint(1, 6)
    times = [round(0.04 * step, 2) for step in sorted(draw.sample(range(100), final + 1))]
    # One path through all states avoids dead ends; the other arcs are shortcuts.
    ends = [(state, state + 1) for state in range(final)]
    ends += [tuple(sorted(draw.sample(range(final + 1), 2))) for _ in range(draw.randint(0, 12))]
    arcs = [
        Arc(
            source,
            target,
            draw.choice(["turn", "turns", "don't", "łódź", "o", '"x\\y"', "'cause"]),
            round(draw.uniform(-9, 1), 6),
            round(draw.uniform(-3, 3), 6),
            times[source],
            times[target],
            *draw.choice([(None, None), ("contact-7", "contacts"), ("", "media")]),
        )
        for source, target in ends
    ]
    if draw.random() < 0.3:
        arcs.append(Arc(0, final, "", round(draw.uniform(-9, 1), 6), 0.0, times[0], times[-1]))
    return Lattice(final + 1, tuple(sorted(arcs, key=lambda arc: arc.source)))


@pytest.fixture(scope="session")
def make_lattice() -> Callable[[int], Lattice]:
    """Return a factory of random lattices; equal seeds give equal lattices."""
    return _make_lattice


@pytest.fixture(scope="session")
def make_network() -> type[ToyNetwork]:
    """Return a factory of toy networks."""
    return ToyNetwork


@pytest.fixture(scope="session")
def make_language() -> Callable[..., ToyLanguage]:
    """Return a factory of n-gram models."""
    return _make_language


@dataclass(frozen=True)
class ToyWords:
    """A random lexicon and random n-grams of its words: file and n-grams."""

    content: bytes
    ngrams: dict[tuple[int, ...], tuple[float, float]]  # log probability and log backoff


def _make_words(pieces: Sequence[str], seed: int = 0) -> ToyWords:
    """Return random words of one to three tokens; only the first token starts a word."""
    draw = np.random.default_rng(seed)
    starts = [token for token, piece in enumerate(pieces) if piece.startswith("▁")]
    inner = [token for token in range(1, len(pieces)) if token not in starts]
    words = {
        (int(draw.choice(starts)), *draw.choice(inner, draw.integers(0, 3)).tolist())
        for _ in range(8)
    }
    lexicon = build_lexicon(words)
    names = [str(number) for number in range(len(lexicon.leaves) + 1)]
    toy = _make_language(names, seed)
    return ToyWords(word_model.pack(lexicon, toy.levels, pieces), toy.ngrams)


@pytest.fixture(scope="session")
def make_words() -> Callable[..., ToyWords]:
    """Return a factory of word language models."""
    return _make_words
