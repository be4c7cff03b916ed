"""Simulates poor microphones and lines: band limits, coloration, hum, clipping and codecs.

In: (any,) float32 samples at 16 kHz. Out: as many samples, without delay.
"""

from __future__ import annotations

import io
from collections.abc import Callable

import numpy as np
import soundfile
import soxr
from numpy.typing import NDArray
from scipy import fft

from auricle.features import SAMPLE_RATE

Samples = NDArray[np.float32]

# Container, coding and sample rate. Opus takes ten times as long as MP3.
CODECS = (
    ("OGG", "OPUS", 16_000),
    ("MP3", "MPEG_LAYER_III", 16_000),
    ("WAV", "GSM610", 8_000),
    ("WAV", "ULAW", 8_000),
)


def limit_band(samples: Samples, generator: np.random.Generator) -> Samples:
    """Limit the frequency band like a small microphone or a telephone."""
    low, high = generator.uniform(50.0, 300.0), generator.uniform(3400.0, 7500.0)

    def response(hertz: NDArray[np.float64]) -> NDArray[np.float64]:
        return 1.0 / ((1.0 + (low / np.maximum(hertz, 1.0)) ** 4) * (1.0 + (hertz / high) ** 16))

    return _filter(samples, response)


def colour(samples: Samples, decibels: float, generator: np.random.Generator) -> Samples:
    """Apply a smooth random equalizer of at most `decibels` per band."""
    knots = np.geomspace(60.0, SAMPLE_RATE / 2, 8)
    gains = generator.uniform(-decibels, decibels, len(knots))

    def response(hertz: NDArray[np.float64]) -> NDArray[np.float64]:
        where = np.log(np.maximum(hertz, 1.0))
        return 10.0 ** (np.interp(where, np.log(knots), gains) / 20.0)

    return _filter(samples, response)


def _filter(
    samples: Samples, response: Callable[[NDArray[np.float64]], NDArray[np.float64]]
) -> Samples:
    """Multiply the spectrum by a zero-phase response, which causes no delay."""
    size = fft.next_fast_len(len(samples), real=True)
    spectrum = fft.rfft(samples, size)
    # The response is smooth, so it is computed at a few points and interpolated.
    points = np.linspace(0.0, SAMPLE_RATE / 2, 1025)
    bins = fft.rfftfreq(size, 1.0 / SAMPLE_RATE)
    spectrum *= np.interp(bins, points, response(points)).astype(np.float32)
    return fft.irfft(spectrum, size)[: len(samples)]


def add_hum(samples: Samples, level: float, generator: np.random.Generator) -> Samples:
    """Add mains hum with harmonics, and a constant offset, at `level` dB of full scale each."""
    amplitude = 10.0 ** (level / 20.0)
    mains = 50.0 if generator.random() < 0.5 else 60.0
    # One period with all harmonics is a lookup table, which is faster than sines per sample.
    period = np.arange(4096) / 4096
    wave = sum(
        np.sin(2 * np.pi * (harmonic * period + generator.random())) / harmonic
        for harmonic in range(1, 6)
    )
    where = np.arange(len(samples)) * (mains * 4096 / SAMPLE_RATE)
    hum = (amplitude * wave).astype(np.float32)[where.astype(np.int64) % 4096]
    return samples + hum + np.float32(amplitude * generator.uniform(-1.0, 1.0))


def clip_peaks(samples: Samples, share: float) -> Samples:
    """Clip samples above a share of the peak."""
    limit = share * np.abs(samples).max(initial=0.0)
    return np.clip(samples, -limit, limit)


def pass_codec(samples: Samples, generator: np.random.Generator) -> Samples:
    """Encode and decode with a random codec of `CODECS`."""
    container, coding, rate = CODECS[int(generator.integers(len(CODECS)))]
    loudest = max(1.0, float(np.abs(samples).max(initial=0.0)))
    sound = samples / np.float32(loudest)
    if rate != SAMPLE_RATE:
        sound = soxr.resample(sound, SAMPLE_RATE, rate)
    line = io.BytesIO()
    soundfile.write(line, sound, rate, format=container, subtype=coding)
    line.seek(0)
    sound, _ = soundfile.read(line, dtype="float32")
    if rate != SAMPLE_RATE:
        sound = soxr.resample(sound, rate, SAMPLE_RATE)
    sound = sound[: len(samples)] * np.float32(loudest)
    return np.pad(sound, (0, len(samples) - len(sound)))
