"""Measures the level of audio, for level meters and for choosing between microphones."""

from __future__ import annotations

import numpy as np

from auricle.audio.format import Samples

FLOOR_DBFS = -96.0  # digital silence; the level of one least significant bit is near it


def level_dbfs(samples: Samples) -> float:
    """Return the root-mean-square level of `samples`, (samples,) int16, in dBFS.

    A square wave at full scale has 0 dBFS, a sine at full scale -3.01 dBFS. The result is at least
    `FLOOR_DBFS`, also for an empty array.
    """
    if samples.size == 0:
        return FLOOR_DBFS
    wide = samples.astype(np.float64)
    power = float(np.mean(wide * wide)) / 32768.0**2
    if power <= 0.0:
        return FLOOR_DBFS
    return max(FLOOR_DBFS, 10.0 * float(np.log10(power)))
