"""The one format in which sound travels through Auricle: 16 kHz, mono, int16, frames of 10 ms."""

from __future__ import annotations

from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray

SAMPLE_RATE = 16_000  # samples a second
FRAME_SAMPLES = 160  # samples in a frame
FRAME_SECONDS = FRAME_SAMPLES / SAMPLE_RATE

Samples: TypeAlias = NDArray[np.int16]  # (any,) int16, full scale is 32768
Frame: TypeAlias = NDArray[np.int16]  # (FRAME_SAMPLES,) int16
