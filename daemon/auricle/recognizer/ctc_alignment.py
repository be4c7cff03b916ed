"""Where in the audio the tokens of a text lie, and how well they fit it.

In: CTC's log probabilities of each frame and token sequences. Out: the score of the best alignment
of each and the frames of its tokens. CTC: Graves et al., "Connectionist temporal classification"
(ICML 2006); the best alignment is Viterbi's, for all sequences at once.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

IMPOSSIBLE = -1e30


@dataclass(frozen=True, slots=True)
class Alignment:
    """The best way to lay a token sequence over the frames."""

    score: float  # natural log; IMPOSSIBLE or less where there are too few frames
    frames: tuple[int, ...]  # of each token: the first that it takes


def align(log_probs: NDArray[np.float32], sequences: Sequence[Sequence[int]]) -> list[Alignment]:
    """Return the best alignment of each sequence.

    Args:
        log_probs: (frames, tokens) natural log, blank is token 0; at least one frame.
        sequences: token ids without blanks; a sequence may be empty.
    """
    longest = max((len(sequence) for sequence in sequences), default=0)
    # Blank, token, blank, token, ..., blank: what lies beyond a sequence's end is never read.
    labels = np.zeros((len(sequences), 2 * longest + 1), np.int64)
    for row, sequence in enumerate(sequences):
        labels[row, 1 : 2 * len(sequence) : 2] = sequence
    # A token may follow another without a blank between them, unless they are the same.
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
    """Follow the steps back from the better of the last token and the blank after it."""
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
