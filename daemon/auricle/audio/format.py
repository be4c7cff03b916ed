"""Auricle's audio format: 16 kHz, mono, int16, in audio frames of 10 ms."""

from __future__ import annotations

from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray

SAMPLE_RATE = 16_000  # Hz
FRAME_SAMPLES = 160
FRAME_SECONDS = FRAME_SAMPLES / SAMPLE_RATE

Samples: TypeAlias = NDArray[np.int16]  # (samples,) int16, full scale is 32768
Frame: TypeAlias = NDArray[np.int16]  # (FRAME_SAMPLES,) int16
