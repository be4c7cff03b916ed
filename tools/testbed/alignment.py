"""Finds the start of a played recording on the daemon's audio clock, and the end of its speech.

A client does not get the daemon's audio, only its level every 100 ms. The start is where these
levels match the levels of the recording best.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from auricle.audio.format import FRAME_SAMPLES, FRAME_SECONDS, SAMPLE_RATE, Samples
from auricle.audio.level import FLOOR_DBFS

WINDOW_SECONDS = 0.1  # interval of one level
STEP_SECONDS = 0.005  # step of the search
QUIETEST_DBFS = -75.0  # lower levels are dominated by dither and rounding

Level = tuple[float, float]  # end of the interval in seconds, level in decibels


def find_start(levels: Sequence[Level], samples: Samples) -> float:
    """Return the time of the first sample of a recording, in seconds on the audio clock.

    Args:
        levels: levels from the daemon; more levels give a more reliable result.
        samples: the recording, (any,) int16 at 16 kHz.
    """
    if not levels:
        return 0.0
    heard = np.array(levels, np.float64)
    ends = heard[:, 0]
    starts = np.arange(ends[0] - len(samples) / SAMPLE_RATE, ends[-1], STEP_SECONDS)
    expected = _levels_at(ends[None, :] - starts[:, None], samples)
    off = np.abs(expected - np.maximum(heard[:, 1], QUIETEST_DBFS)).mean(axis=1)
    return float(starts[int(np.argmin(off))])


def end_of_speech(samples: Samples) -> float:
    """Return the end of speech in a recording, in seconds from its start.

    This is the end of the last 20 ms window within 35 dB of the loudest window and 10 dB above the
    10th percentile. It uses only energy, to be independent of the daemon's voice activity
    detection.

    Args:
        samples: (any,) int16 at 16 kHz, at least 20 ms.
    """
    size = 2 * FRAME_SAMPLES
    whole = len(samples) // size
    windows = samples[: whole * size].reshape(whole, size).astype(np.float64)
    level = 10.0 * np.log10(np.mean(windows**2, axis=1) + 1.0)
    loud = np.flatnonzero((level > level.max() - 35.0) & (level > np.percentile(level, 10) + 10.0))
    return float(loud[-1] + 1) * 2 * FRAME_SECONDS if loud.size else len(samples) / SAMPLE_RATE


def _levels_at(ends: NDArray[np.float64], samples: Samples) -> NDArray[np.float64]:
    """Return the levels in dBFS of the 100 ms before each of `ends`, seconds in the recording."""
    powers = np.concatenate(([0.0], np.cumsum((samples / 32768.0) ** 2)))
    last, first = (
        np.clip(np.rint(times * SAMPLE_RATE), 0, len(samples)).astype(np.int64)
        for times in (ends, ends - WINDOW_SECONDS)
    )
    power = (powers[last] - powers[first]) / (WINDOW_SECONDS * SAMPLE_RATE)
    decibels = 10.0 * np.log10(np.maximum(power, 10.0 ** (FLOOR_DBFS / 10.0)))
    found: NDArray[np.float64] = np.maximum(decibels, QUIETEST_DBFS)
    return found
