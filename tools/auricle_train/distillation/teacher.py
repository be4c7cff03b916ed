"""What a teacher is: it reads a batch of recordings and says how sure it is.

In: samples of several clips. Out: a `Reading` of each, in the same order.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

import numpy as np
from numpy.typing import NDArray


@dataclass(frozen=True)
class Reading:
    """What one teacher understood of a clip."""

    teacher: str
    text: str  # normalised
    log_prob: float  # mean of its tokens, the end among them; natural log
    no_speech: float  # probability that nobody speaks


class Teacher(Protocol):
    """A recogniser that needs no transcript."""

    name: str

    def read(self, clips: Sequence[NDArray[np.int16]]) -> list[Reading]:
        """Read clips of (n,) int16 at 16 kHz, best of like length, at most 30 s each."""
        ...
