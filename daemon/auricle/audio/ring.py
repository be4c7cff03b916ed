"""A ring buffer of the last seconds of audio, addressed by sample index on the audio clock.

Its size is fixed. `read` returns a copy of any range that is still stored.
"""

from __future__ import annotations

import numpy as np

from auricle.audio.format import SAMPLE_RATE, Samples
from auricle.errors import ArgumentError


class RingBuffer:
    """Stores the last `seconds` of audio. Sample 0 is the first one ever appended."""

    def __init__(self, seconds: float) -> None:
        capacity = round(seconds * SAMPLE_RATE)
        if capacity < 1:
            raise ArgumentError(f"seconds: a ring buffer of {seconds} s is empty; give more than 0")
        self._memory = np.zeros(capacity, np.int16)
        self._end = 0

    @property
    def end(self) -> int:
        """Index of the next sample to append; the number of samples appended so far."""
        return self._end

    @property
    def start(self) -> int:
        """Index of the oldest stored sample."""
        return max(0, self._end - self._memory.size)

    def append(self, samples: Samples) -> None:
        """Append `samples`, (samples,) int16; they replace the oldest ones."""
        kept = samples[-self._memory.size :]
        first = (self._end + samples.size - kept.size) % self._memory.size
        until_wrap = min(kept.size, self._memory.size - first)
        self._memory[first : first + until_wrap] = kept[:until_wrap]
        self._memory[: kept.size - until_wrap] = kept[until_wrap:]
        self._end += samples.size

    def read(self, start: int, end: int) -> Samples:
        """Return a copy of samples `start` to `end` (exclusive), limited to the stored ones."""
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
