"""The features that microWakeWord models hear: TensorFlow's micro front end.

In: frames of 10 ms. Out: 40 numbers a frame, once a window of 30 ms is full: mel energies after
noise reduction and automatic gain (PCAN), on a logarithmic scale, about 0 to 26.

The front end's noise estimate lives in its C code, which offers no way to copy it. So this is the
one part of the wake word that is no `Streaming`: it can only go on, or be reset.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from pymicro_features import MicroFrontend

from auricle.audio.format import FRAME_SAMPLES
from auricle.errors import ArgumentError

CHANNELS = 40


class MicroFeatures:
    """The micro front end, fed frame by frame."""

    def __init__(self) -> None:
        self._frontend = MicroFrontend()

    def step(self, frame: NDArray[np.int16]) -> NDArray[np.float32]:
        """Consume a frame; return the features it completes.

        Args:
            frame: (160,) int16, 10 ms at 16 kHz.

        Returns:
            (1, 40) float32; (0, 40) for the first two frames, which do not fill a window.

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
        """Forget what was heard, the noise of the room too."""
        self._frontend.reset()
