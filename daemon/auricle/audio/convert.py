"""Converts audio to Auricle's format: one channel, 16 kHz, int16.

In: blocks of any length, number of channels and rate. Out: (samples,) int16 at 16 kHz. Audio that
already has this format is not changed.
"""

from __future__ import annotations

from typing import Literal, TypeAlias

import numpy as np
import soxr
from numpy.typing import NDArray

from auricle.audio.format import SAMPLE_RATE, Samples

Channel: TypeAlias = int | Literal["mix"]  # index of a channel, or the mean of all channels
Block: TypeAlias = NDArray[np.int16] | NDArray[np.float32]  # (frames, channels)

FULL_SCALE = 32768.0


class FormatConverter:
    """Converts a stream of `rate` Hz.

    The output does not depend on how the input is split into blocks. soxr resamples; its state
    cannot be copied, so a new stream needs a new converter.
    """

    def __init__(self, rate: int, channel: Channel) -> None:
        self._channel = channel
        self._resampler: soxr.ResampleStream | None = None
        if rate != SAMPLE_RATE:
            self._resampler = soxr.ResampleStream(rate, SAMPLE_RATE, 1, "float32", "HQ")

    def convert(self, block: Block) -> Samples:
        """Convert `block`, (frames, channels) int16 or float32 in -1..1; return all new samples."""
        mono = self._one_channel(block)
        if self._resampler is None:
            return _to_int16(mono)
        return _to_int16(self._resampler.resample_chunk(_to_float(mono)))

    def flush(self) -> Samples:
        """End the stream; return the samples that the resampler still holds."""
        if self._resampler is None:
            return np.zeros(0, np.int16)
        return _to_int16(self._resampler.resample_chunk(np.zeros(0, np.float32), last=True))

    def _one_channel(self, block: Block) -> Block:
        """Return one channel, (frames,): float32 for "mix", else of the block's type."""
        if block.shape[1] == 1:
            return block[:, 0]
        if self._channel == "mix":
            mixed: NDArray[np.float32] = _to_float(block).mean(axis=1, dtype=np.float32)
            return mixed
        return block[:, self._channel]


def _to_float(samples: Block) -> NDArray[np.float32]:
    """Return float32 samples; int16 is scaled to -1..1."""
    if samples.dtype == np.int16:
        return samples.astype(np.float32) / np.float32(FULL_SCALE)
    return np.ascontiguousarray(samples, np.float32)


def _to_int16(samples: Block) -> Samples:
    """Round to int16; clip at full scale."""
    if samples.dtype == np.int16:
        return np.ascontiguousarray(samples, np.int16)
    rounded: Samples = np.clip(np.rint(samples * FULL_SCALE), -32768, 32767).astype(np.int16)
    return rounded
