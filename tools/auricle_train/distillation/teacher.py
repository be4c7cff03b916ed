"""The interface of teachers, which transcribe batches of clips and return confidences.

In: samples of several clips. Out: a `Reading` for each, in the same order.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

import numpy as np
from numpy.typing import NDArray


@dataclass(frozen=True)
class Reading:
    """The transcription of a clip by one teacher."""

    teacher: str
    text: str  # normalised
    log_prob: float  # mean natural log probability of the tokens, end included
    no_speech: float  # probability that the clip has no speech


class Teacher(Protocol):
    """A recogniser that labels clips."""

    name: str

    def read(self, clips: Sequence[NDArray[np.int16]]) -> list[Reading]:
        """Transcribe clips of (n,) int16 at 16 kHz, at most 30 s, ideally similar in length."""
        ...
