"""Streaming log-mel features, shared by training and the daemon.

In: 16 kHz mono samples, in chunks of any length. Out: one feature frame of 80 log-mel energies for
each 10 ms, over the last 25 ms. The definition is Whisper's (Radford et al., arXiv:2212.04356), but
with a fixed floor in place of the per-utterance one, so a frame never depends on the future.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

SAMPLE_RATE = 16_000  # Hz
WINDOW = 400  # samples: 25 ms
HOP = 160  # samples: 10 ms
BANDS = 80
FRAME_SECONDS = HOP / SAMPLE_RATE

# Recorded in each bundle and compared at load: any change here invalidates all existing bundles.
DEFINITION = "log-mel, 80 bands, 25/10 ms, 16 kHz, as auricle.features"

# Whisper clamps at 8 decades below the loudest frame of the utterance. The loudest band of speech
# at a usual level is near 10**0.8, so this fixed floor is about the same.
FLOOR = -7.0  # log10 of mel energy

Samples = NDArray[np.int16] | NDArray[np.float32]


@dataclass(frozen=True, slots=True)
class FeatureState:
    """Samples that the next feature frame still needs."""

    tail: NDArray[np.float32]  # (WINDOW - HOP + samples of an unfinished hop,), -1 to 1


class LogMel:
    """Turns samples into normalised log-mel frames; see `Streaming`."""

    def __init__(self) -> None:
        self._window = np.hanning(WINDOW + 1)[:-1].astype(np.float32)  # periodic Hann
        self._filters = mel_filters()

    def initial_state(self) -> FeatureState:
        """Return the state before the first sample: silence."""
        return FeatureState(np.zeros(WINDOW - HOP, np.float32))

    def step(self, state: FeatureState, chunk: Samples) -> tuple[FeatureState, NDArray[np.float32]]:
        """Consume samples; return the feature frames that they complete.

        Args:
            state: state after the samples before.
            chunk: (samples,) int16, or float32 in -1 to 1.

        Returns:
            The next state, and (frames, 80) float32: (log10 energy + 4) / 4.
        """
        samples = np.concatenate([state.tail, as_float(chunk)])
        count = max(0, (len(samples) - WINDOW) // HOP + 1)
        if count == 0:
            return FeatureState(samples), np.zeros((0, BANDS), np.float32)
        views = np.lib.stride_tricks.sliding_window_view(samples, WINDOW)[::HOP][:count]
        spectrum = np.fft.rfft(views * self._window, axis=1)
        power = (spectrum.real**2 + spectrum.imag**2).astype(np.float32)
        energies = np.log10(np.maximum(power @ self._filters, 10.0**FLOOR))
        frames = ((energies + 4.0) / 4.0).astype(np.float32)
        return FeatureState(samples[count * HOP :].copy()), frames

    def whole(self, samples: Samples) -> NDArray[np.float32]:
        """Return (frames, 80) for a whole recording; the last incomplete hop is dropped."""
        return self.step(self.initial_state(), samples)[1]


SILENCE = (FLOOR + 4.0) / 4.0  # the value of every band of a digitally silent frame


def as_float(samples: Samples) -> NDArray[np.float32]:
    """Return the samples as float32 in -1 to 1."""
    if samples.dtype == np.int16:
        return samples.astype(np.float32) / 32768.0
    return samples.astype(np.float32, copy=False)


def mel_filters() -> NDArray[np.float32]:
    """Return the (201, 80) mel filter bank of Slaney's Auditory Toolbox (1998), unit area.

    The scale is linear below 1 kHz (200/3 Hz a mel) and logarithmic above (27 mels for 6.4 times).
    """
    linear, knee, step = 200.0 / 3.0, 1000.0, np.log(6.4) / 27.0

    def to_mel(hertz: float) -> float:
        if hertz < knee:
            return hertz / linear
        return float(knee / linear + np.log(hertz / knee) / step)

    mels = np.linspace(0.0, to_mel(SAMPLE_RATE / 2), BANDS + 2)
    above = knee * np.exp(step * (mels - knee / linear))
    edges = np.where(mels < knee / linear, mels * linear, above)  # Hz, (82,)
    bins = np.fft.rfftfreq(WINDOW, 1.0 / SAMPLE_RATE)[:, None]
    rising = (bins - edges[:-2]) / (edges[1:-1] - edges[:-2])
    falling = (edges[2:] - bins) / (edges[2:] - edges[1:-1])
    triangles = np.maximum(0.0, np.minimum(rising, falling))
    filters: NDArray[np.float32] = (triangles * 2.0 / (edges[2:] - edges[:-2])).astype(np.float32)
    return filters
