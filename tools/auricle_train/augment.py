"""Makes utterances harder: speed, room, noise, music, gain, band limits, masks. All seeded.

In: float32 samples of clean speech and a random generator. Out: samples of the same time axis, so
that the clean version can teach.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from auricle.features import SAMPLE_RATE, SILENCE

Samples = NDArray[np.float32]


def change_speed(samples: Samples, factor: float) -> Samples:
    """Play faster (factor > 1) or slower; pitch moves with it, as on a tape."""
    count = int(len(samples) / factor)
    where = np.arange(count) * factor
    return np.interp(where, np.arange(len(samples)), samples).astype(np.float32)


def add_room(samples: Samples, generator: np.random.Generator) -> Samples:
    """Convolve with a synthetic room: exponentially decaying noise after the direct sound."""
    decay = generator.uniform(0.1, 0.5)  # seconds to -60 dB
    time = np.arange(int(decay * SAMPLE_RATE)) / SAMPLE_RATE
    tail = generator.standard_normal(len(time)) * 10.0 ** (-3.0 * time / decay)
    tail[: SAMPLE_RATE // 400] = 0.0
    tail *= 10.0 ** (generator.uniform(-12.0, 0.0) / 20.0) / np.sqrt(np.sum(tail**2) + 1e-9)
    tail[0] = 1.0
    size = 1 << (len(samples) + len(tail) - 1).bit_length()
    wet = np.fft.irfft(np.fft.rfft(samples, size) * np.fft.rfft(tail, size), size)
    return wet[: len(samples)].astype(np.float32)


def add_background(
    samples: Samples, background: Samples, ratio: float, generator: np.random.Generator
) -> Samples:
    """Mix a random stretch of background in, at a signal-to-noise ratio in dB."""
    start = int(generator.integers(0, len(background)))
    noise = np.resize(np.roll(background, -start), len(samples))
    loud = np.sqrt(np.mean(samples**2) + 1e-9)
    scale = loud / np.sqrt(np.mean(noise**2) + 1e-9) * 10.0 ** (-ratio / 20.0)
    return (samples + noise * scale).astype(np.float32)


def limit_band(samples: Samples, generator: np.random.Generator) -> Samples:
    """Take away what a small microphone or a telephone does not hear."""
    spectrum = np.fft.rfft(samples)
    hertz = np.fft.rfftfreq(len(samples), 1.0 / SAMPLE_RATE)
    low, high = generator.uniform(50.0, 300.0), generator.uniform(3400.0, 7500.0)
    spectrum *= 1.0 / (1.0 + (low / np.maximum(hertz, 1.0)) ** 4)
    spectrum *= 1.0 / (1.0 + (hertz / high) ** 16)
    return np.fft.irfft(spectrum, len(samples)).astype(np.float32)


def disturb(
    samples: Samples, backgrounds: Sequence[Samples], generator: np.random.Generator
) -> Samples:
    """Apply a random choice of the above to one utterance."""
    if generator.random() < 0.2:
        samples = add_room(samples, generator)
    if generator.random() < 0.1:
        samples = limit_band(samples, generator)
    if generator.random() < 0.4:
        background = backgrounds[int(generator.integers(len(backgrounds)))]
        samples = add_background(samples, background, generator.uniform(3.0, 28.0), generator)
    gain = 10.0 ** (generator.uniform(-14.0, 8.0) / 20.0)
    return np.clip(samples * gain, -1.0, 1.0)


def mask_features(features: NDArray[np.float32], generator: np.random.Generator) -> None:
    """SpecAugment (arXiv:1904.08779) in place on (frames, 80): bands and moments go silent."""
    frames, bands = features.shape
    for _ in range(2):
        width = int(generator.integers(0, 12))
        start = int(generator.integers(0, bands - width))
        features[:, start : start + width] = SILENCE
    for _ in range(max(1, frames // 300)):
        width = int(generator.integers(0, 20))
        start = int(generator.integers(0, max(1, frames - width)))
        features[start : start + width] = SILENCE
