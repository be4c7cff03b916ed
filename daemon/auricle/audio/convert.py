"""From what a device or a file delivers to Auricle's format: one channel, 16 kHz, int16.

In: blocks of any length, channels and rate. Out: (any,) int16 at 16 kHz. What has the format
already passes through bit by bit.
"""

from __future__ import annotations

from typing import Literal, TypeAlias

import numpy as np
import soxr
from numpy.typing import NDArray

from auricle.audio.format import SAMPLE_RATE, Samples

Channel: TypeAlias = int | Literal["mix"]  # index of a channel, or the mean of all
Block: TypeAlias = NDArray[np.int16] | NDArray[np.float32]  # (frames, channels)

FULL_SCALE = 32768.0


class FormatConverter:
    """Streams sound of `rate` Hz into Auricle's format.

    Any chunking of the input gives the same output. Resampling is soxr's; its past cannot be
    copied, a new converter starts afresh.
    """

    def __init__(self, rate: int, channel: Channel) -> None:
        self._channel = channel
        self._resampler: soxr.ResampleStream | None = None
        if rate != SAMPLE_RATE:
            self._resampler = soxr.ResampleStream(rate, SAMPLE_RATE, 1, "float32", "HQ")

    def convert(self, block: Block) -> Samples:
        """Return what `block`, (frames, channels) int16 or float32 in -1..1, completes."""
        mono = self._one_channel(block)
        if self._resampler is None:
            return _to_int16(mono)
        return _to_int16(self._resampler.resample_chunk(_to_float(mono)))

    def flush(self) -> Samples:
        """Return what the resampler still held back; the stream is over."""
        if self._resampler is None:
            return np.zeros(0, np.int16)
        return _to_int16(self._resampler.resample_chunk(np.zeros(0, np.float32), last=True))

    def _one_channel(self, block: Block) -> Block:
        """Return the chosen channel, (frames,), of the block's type where it is not mixed."""
        if block.shape[1] == 1:
            return block[:, 0]
        if self._channel == "mix":
            mixed: NDArray[np.float32] = _to_float(block).mean(axis=1, dtype=np.float32)
            return mixed
        return block[:, self._channel]


def _to_float(samples: Block) -> NDArray[np.float32]:
    """Scale to -1..1 where the samples are int16."""
    if samples.dtype == np.int16:
        return samples.astype(np.float32) / np.float32(FULL_SCALE)
    return np.ascontiguousarray(samples, np.float32)


def _to_int16(samples: Block) -> Samples:
    """Round to the nearest int16; what is beyond full scale is clipped."""
    if samples.dtype == np.int16:
        return np.ascontiguousarray(samples, np.int16)
    rounded: Samples = np.clip(np.rint(samples * FULL_SCALE), -32768, 32767).astype(np.int16)
    return rounded
