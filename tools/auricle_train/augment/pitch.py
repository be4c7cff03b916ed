"""Shifts the pitch of a voice without changing its speed.

In: (any,) float32 samples at 16 kHz. Out: as many samples, with unchanged timing. A phase vocoder
(Flanagan and Golden, Bell System Technical Journal 1966) stretches the time, then resampling
restores the duration. Formants shift with the pitch, as for a smaller or larger speaker.
"""

from __future__ import annotations

import numpy as np
import soxr
from numpy.typing import NDArray
from scipy import fft

from auricle.features import SAMPLE_RATE

Samples = NDArray[np.float32]

WINDOW = 512  # samples: 32 ms, several periods of a deep voice
HOP = 128


def shift_pitch(samples: Samples, factor: float) -> Samples:
    """Multiply all frequencies by `factor`, 0.5 to 2."""
    longer = soxr.resample(stretch_time(samples, factor), SAMPLE_RATE * factor, SAMPLE_RATE)
    return np.pad(longer, (0, max(0, len(samples) - len(longer))))[: len(samples)]


def stretch_time(samples: Samples, factor: float) -> Samples:
    """Return about `factor` times as many samples of the same pitch."""
    window = np.hanning(WINDOW + 1)[:-1].astype(np.float32)
    # Padding by half a window centres frame n on sample n * HOP.
    padded = np.pad(samples, (WINDOW // 2, WINDOW + HOP))
    frames = np.lib.stride_tricks.sliding_window_view(padded, WINDOW)[::HOP]
    spectra = fft.rfft(frames * window, axis=1)
    sizes, angles = np.abs(spectra), np.angle(spectra)
    expected = (2 * np.pi * HOP / WINDOW * np.arange(spectra.shape[1])).astype(np.float32)
    advance = np.diff(angles, axis=0) - expected
    advance += expected - 2 * np.pi * np.rint(advance / (2 * np.pi)).astype(np.float32)
    places = np.arange(0.0, len(spectra) - 1, 1.0 / factor)
    left = places.astype(int)
    share = (places - left).astype(np.float32)[:, None]
    steps = np.concatenate([angles[:1], advance[left[:-1]]])
    phases = np.remainder(np.cumsum(steps, axis=0, dtype=np.float64), 2 * np.pi).astype(np.float32)
    size = sizes[left] * (1 - share) + sizes[left + 1] * share
    made = fft.irfft(size * np.exp(1j * phases), axis=1) * window
    return _overlap(made)[WINDOW // 2 :]


def _overlap(frames: NDArray[np.float32]) -> Samples:
    """Overlap-add frames, (frames, WINDOW), at intervals of HOP samples."""
    parts = WINDOW // HOP
    out = np.zeros((len(frames) + parts - 1, HOP), np.float32)
    for part in range(parts):
        out[part : part + len(frames)] += frames[:, part * HOP : (part + 1) * HOP]
    return out.reshape(-1) / 1.5  # sum of squared Hann windows at a hop of a quarter window
