"""Voice activity detection: decides for each audio frame whether it contains speech.

WebRTC's VAD makes the decision: it compares sub-band energies with two Gaussian mixtures, one for
speech and one for noise, which adapt to the room. A hang-over after the last voiced frame keeps
short gaps between words from counting as silence.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import webrtcvad

from auricle import defaults
from auricle.audio.format import FRAME_SAMPLES, FRAME_SECONDS, SAMPLE_RATE, Frame
from auricle.errors import ArgumentError


@dataclass(frozen=True, slots=True)
class VoiceState:
    """State of the gate.

    `detector` holds its adaptation in WebRTC's C code and cannot be copied. `step` advances it in
    place, so use each state only once. To restart, take a new `initial_state`. copy.deepcopy
    raises an error.
    """

    detector: webrtcvad.Vad
    silent_frames: int | None  # frames since the last voiced one; None before the first

    @property
    def voiced(self) -> bool:
        """Whether the last frame was voiced, without the hang-over."""
        return self.silent_frames == 0


class VoiceActivity:
    """A gate that opens at the first voiced frame and closes after the hang-over."""

    def __init__(
        self,
        aggressiveness: int = defaults.VAD_AGGRESSIVENESS,
        hang_over_seconds: float = defaults.VAD_HANGOVER_MS / 1000,
    ) -> None:
        """Configure the gate.

        Args:
            aggressiveness: 0 (accepts nearly everything) to 3 (rejects most non-speech).
            hang_over_seconds: how long the gate stays open after the last voiced frame.

        Raises:
            ArgumentError: a value is out of range.
        """
        if aggressiveness not in range(4):
            raise ArgumentError(
                f"aggressiveness: {aggressiveness!r} is not a mode of WebRTC's VAD; "
                "use 0, 1, 2 or 3"
            )
        if not 0.0 <= hang_over_seconds <= 10.0:
            raise ArgumentError(
                f"hang_over_seconds: {hang_over_seconds!r} is out of range; use 0 to 10 seconds"
            )
        self._aggressiveness = aggressiveness
        self._hang_over_frames = round(hang_over_seconds / FRAME_SECONDS)

    def initial_state(self) -> VoiceState:
        """Return the state before the first frame: the gate is closed."""
        return VoiceState(webrtcvad.Vad(self._aggressiveness), silent_frames=None)

    def step(self, state: VoiceState, frame: Frame) -> tuple[VoiceState, bool]:
        """Process an audio frame, (160,) int16; return the next state and whether the gate is open.

        Raises:
            ArgumentError: the frame has another shape.
        """
        if frame.shape != (FRAME_SAMPLES,):
            raise ArgumentError(
                f"frame: shape {frame.shape} is not one audio frame; give ({FRAME_SAMPLES},)"
            )
        if state.detector.is_speech(frame.tobytes(), SAMPLE_RATE):
            silent_frames: int | None = 0
        elif state.silent_frames is None:
            silent_frames = None
        else:
            silent_frames = state.silent_frames + 1
        is_open = silent_frames is not None and silent_frames <= self._hang_over_frames
        return replace(state, silent_frames=silent_frames), is_open
