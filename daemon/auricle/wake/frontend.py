"""Computes the features of microWakeWord models with TensorFlow's micro front end.

In: audio frames of 10 ms. Out: one feature frame of 40 values per audio frame, once the first
window of 30 ms is full: log mel energies after noise reduction and per-channel automatic gain
(PCAN), about 0 to 26.

The noise estimate is inside the C code and cannot be copied. Unlike the other parts of wake-word
detection, the front end therefore does not implement `Streaming`: it can only continue or be reset.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from pymicro_features import MicroFrontend

from auricle.audio.format import FRAME_SAMPLES
from auricle.errors import ArgumentError

CHANNELS = 40


class MicroFeatures:
    """The micro front end for one stream."""

    def __init__(self) -> None:
        self._frontend = MicroFrontend()

    def step(self, frame: NDArray[np.int16]) -> NDArray[np.float32]:
        """Process an audio frame; return the feature frames that it completes.

        Args:
            frame: (160,) int16, 10 ms at 16 kHz.

        Returns:
            (1, 40) float32; (0, 40) for the first two audio frames, which do not fill a window.

        Raises:
            ArgumentError: the frame has another shape or type.
        """
        if frame.shape != (FRAME_SAMPLES,) or frame.dtype != np.int16:
            raise ArgumentError(
                f"A frame is {frame.dtype} of shape {frame.shape}; it must be int16 of shape "
                f"({FRAME_SAMPLES},)."
            )
        features = self._frontend.process_samples(frame.tobytes()).features
        return np.array(features, np.float32).reshape(-1, CHANNELS)

    def reset(self) -> None:
        """Start a new stream with a new noise estimate."""
        self._frontend.reset()
