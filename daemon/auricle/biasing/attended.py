"""Which name attention saw at each moment, to be looked at.

In: the scores of all names at all frames. Out: attention's shares, each frame's of the names and of
no-bias together being 1, for the names that were seen most.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from auricle.biasing.context_attention import Floats, Queries
from auricle.biasing.shortlist import Keys

MOST_ATTENDED = 12  # names to tell of


@dataclass(frozen=True, slots=True, eq=False)
class Attended:
    """Attention over an utterance."""

    names: tuple[str, ...]  # forms, the most attended first
    shares: Floats  # (names, frames): 0 to 1
    frame_seconds: float


def attended(
    queries: Queries, keys: Keys, frame_seconds: float, most: int = MOST_ATTENDED
) -> Attended:
    """Return attention to the names that were seen most.

    Args:
        queries: of all frames.
        keys: of all names.
        frame_seconds: the length of a frame.
        most: names to tell of.
    """
    scores = queries.scores(keys.matrix)
    top = keys.top(scores.max(axis=0), most) if len(scores) else []
    # No-bias scores 0; whatever is as likely as it leaves it half.
    highest = np.maximum(scores.max(axis=1, initial=0.0), 0.0)[:, np.newaxis]
    weights = np.exp(scores - highest)
    whole = weights.sum(axis=1, keepdims=True) + np.exp(-highest)
    shares = (weights[:, top] / whole).T.astype(np.float32)
    return Attended(tuple(keys.sounds[place] for place in top), shares, frame_seconds)
