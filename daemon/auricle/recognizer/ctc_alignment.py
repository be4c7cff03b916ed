"""CTC alignment: where in the audio the tokens of a text are, and how well they fit.

In: CTC's log probabilities of each search frame, and token sequences. Out: for each sequence the
score of its best alignment and the frame of each token. CTC: Graves et al., "Connectionist temporal
classification" (ICML 2006). The best alignment is found by the Viterbi algorithm, for all sequences
at once.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

IMPOSSIBLE = -1e30


@dataclass(frozen=True, slots=True)
class Alignment:
    """The best alignment of a token sequence."""

    score: float  # natural log; IMPOSSIBLE or less if there are too few frames
    frames: tuple[int, ...]  # first frame of each token


def align(log_probs: NDArray[np.float32], sequences: Sequence[Sequence[int]]) -> list[Alignment]:
    """Return the best alignment of each sequence.

    Args:
        log_probs: (frames, tokens) natural log, blank is token 0; at least one frame.
        sequences: token ids without blanks; a sequence may be empty.
    """
    longest = max((len(sequence) for sequence in sequences), default=0)
    # Blank, token, blank, token, ..., blank; the padding after a sequence is never read.
    labels = np.zeros((len(sequences), 2 * longest + 1), np.int64)
    for row, sequence in enumerate(sequences):
        labels[row, 1 : 2 * len(sequence) : 2] = sequence
    # Two different tokens may follow each other without a blank between them.
    skip = np.zeros(labels.shape, bool)
    skip[:, 3::2] = labels[:, 3::2] != labels[:, 1:-2:2]
    penalty = np.where(skip, 0.0, IMPOSSIBLE)[:, 2:]
    scores = np.full(labels.shape, IMPOSSIBLE)
    scores[:, :2] = log_probs[0][labels[:, :2]]
    steps = np.zeros((len(log_probs), *labels.shape), np.int8)
    options = np.full((3, *labels.shape), IMPOSSIBLE)
    for number, frame in enumerate(log_probs[1:], start=1):
        options[0] = scores
        options[1, :, 1:] = scores[:, :-1]
        options[2, :, 2:] = scores[:, :-2] + penalty
        steps[number] = options.argmax(axis=0)
        scores = options.max(axis=0) + frame[labels]
    return [
        _trace(steps[:, row], scores[row], len(sequence)) for row, sequence in enumerate(sequences)
    ]


def _trace(steps: NDArray[np.int8], scores: NDArray[np.float64], count: int) -> Alignment:
    """Return the alignment that ends with the last token or the blank after it, by backtracking."""
    place = 2 * count
    if count and scores[place - 1] > scores[place]:
        place -= 1
    score = float(scores[place])
    first = [0] * count
    for number in range(len(steps) - 1, -1, -1):
        if place % 2:
            first[place // 2] = number
        place -= int(steps[number, place])
    return Alignment(score, tuple(first))
