"""The Viterbi alignment is the best of all alignments and gives the first frame of each token."""

from __future__ import annotations

from itertools import groupby, product

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from auricle.recognizer.ctc_alignment import IMPOSSIBLE, align

TOKENS = 4


def read(path: tuple[int, ...]) -> tuple[int, ...]:
    """Return the tokens of frame labels by CTC: repetitions merged, blanks removed."""
    return tuple(token for token, _ in groupby(path) if token)


def scores_of(frames: int, seed: int) -> np.ndarray:
    logits = np.random.default_rng(seed).normal(size=(frames, TOKENS)).astype(np.float32) * 2
    return logits - np.log(np.exp(logits).sum(axis=1, keepdims=True))


@given(
    frames=st.integers(1, 5),
    sequences=st.lists(st.lists(st.integers(1, TOKENS - 1), max_size=4), min_size=1, max_size=3),
    seed=st.integers(0, 1000),
)
def test_an_alignment_scores_as_the_best_of_all_paths(
    frames: int, sequences: list[list[int]], seed: int
) -> None:
    log_probs = scores_of(frames, seed)
    paths = list(product(range(TOKENS), repeat=frames))
    for sequence, alignment in zip(sequences, align(log_probs, sequences), strict=True):
        fitting = [path for path in paths if read(path) == tuple(sequence)]
        if not fitting:
            assert alignment.score <= IMPOSSIBLE / 2
            continue
        best = max(sum(log_probs[at, token] for at, token in enumerate(path)) for path in fitting)
        assert alignment.score == pytest.approx(best, abs=1e-4)
        assert list(alignment.frames) == sorted(set(alignment.frames))
        assert len(alignment.frames) == len(sequence)


def test_tokens_are_aligned_with_their_frames() -> None:
    log_probs = np.full((8, TOKENS), -5.0, np.float32)
    for frame, token in enumerate([0, 0, 2, 0, 0, 3, 3, 0]):
        log_probs[frame, token] = -0.01
    (alignment,) = align(log_probs, [[2, 3]])
    assert alignment.frames == (2, 5)
