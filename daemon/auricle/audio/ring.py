"""Memory of the last seconds of sound, addressed by absolute sample index on the audio clock.

Samples go in at the end; any stretch that is still remembered comes out as a copy. The buffer
never grows.
"""

from __future__ import annotations

import numpy as np

from auricle.audio.format import SAMPLE_RATE, Samples
from auricle.errors import ArgumentError


class RingBuffer:
    """Remembers the last `seconds` of sound. Sample 0 is the first that was ever appended."""

    def __init__(self, seconds: float) -> None:
        capacity = round(seconds * SAMPLE_RATE)
        if capacity < 1:
            raise ArgumentError(
                f"seconds: a ring buffer of {seconds} s holds nothing; give more than 0"
            )
        self._memory = np.zeros(capacity, np.int16)
        self._end = 0

    @property
    def end(self) -> int:
        """Index of the sample that will be appended next: how many were appended in all."""
        return self._end

    @property
    def start(self) -> int:
        """Index of the oldest sample still remembered."""
        return max(0, self._end - self._memory.size)

    def append(self, samples: Samples) -> None:
        """Append `samples`, (any,) int16; the oldest ones are forgotten to make room."""
        kept = samples[-self._memory.size :]
        first = (self._end + samples.size - kept.size) % self._memory.size
        until_wrap = min(kept.size, self._memory.size - first)
        self._memory[first : first + until_wrap] = kept[:until_wrap]
        self._memory[: kept.size - until_wrap] = kept[until_wrap:]
        self._end += samples.size

    def read(self, start: int, end: int) -> Samples:
        """Return a copy of samples `start` to `end` (exclusive), clipped to what is remembered."""
        start = max(start, self.start)
        end = min(end, self._end)
        if start >= end:
            return np.zeros(0, np.int16)
        first = start % self._memory.size
        until_wrap = min(end - start, self._memory.size - first)
        return np.concatenate(
            (
                self._memory[first : first + until_wrap],
                self._memory[: end - start - until_wrap],
            )
        )
