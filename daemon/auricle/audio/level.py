"""How loud a piece of sound is, for level meters and for choosing microphones."""

from __future__ import annotations

import numpy as np

from auricle.audio.format import Samples

FLOOR_DBFS = -96.0  # shown for digital silence; a single least bit in a frame lies near it


def level_dbfs(samples: Samples) -> float:
    """Return the root-mean-square level of `samples`, (any,) int16, in decibels.

    0 dB is a square wave at full scale, a sine at full scale has -3.01 dB. Nothing is below
    `FLOOR_DBFS`, which also stands for no samples at all.
    """
    if samples.size == 0:
        return FLOOR_DBFS
    wide = samples.astype(np.float64)
    power = float(np.mean(wide * wide)) / 32768.0**2
    if power <= 0.0:
        return FLOOR_DBFS
    return max(FLOOR_DBFS, 10.0 * float(np.log10(power)))
