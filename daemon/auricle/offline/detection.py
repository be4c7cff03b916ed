"""From a recording to the wake words that the daemon would hear in it.

In: a recording. Out: each frame that led to something, with the scores of the networks and the
detections.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from itertools import chain, repeat

import numpy as np

from auricle.audio.format import FRAME_SAMPLES, FRAME_SECONDS, Frame
from auricle.audio.vad import VoiceActivity
from auricle.config.schema import Config, WakeModel
from auricle.wake.detector import Detection, Score, WakeDetector

TAIL_SECONDS = 0.5  # of silence after a recording: a wake word is noticed only when it is over


@dataclass(frozen=True, slots=True)
class Moment:
    """What one frame of a recording led to."""

    time: float  # seconds from the start of the recording: end of the frame
    scores: tuple[Score, ...]
    detections: tuple[Detection, ...]


def choose(config: Config, names: Iterable[str]) -> Config:
    """Return the configuration with the wake words named alone, each with its own settings."""
    own = {model.model: model for model in config.wake.models}
    models = tuple(own.get(name, WakeModel(model=name)) for name in dict.fromkeys(names))
    return replace(config, wake=replace(config.wake, models=models))


def detect(
    frames: Iterable[Frame], detector: WakeDetector, voice: VoiceActivity, *, open_gate: bool
) -> Iterator[Moment]:
    """Let a detector hear a recording from its start; yield each frame that led to something.

    Args:
        frames: the recording, each (160,) int16.
        detector: it is reset before.
        voice: tells it when somebody speaks.
        open_gate: tell it that somebody speaks all the time.

    Raises:
        AudioError: the recording is damaged.
    """
    detector.reset()
    state = voice.initial_state()
    for heard, frame in enumerate(chain(frames, _silence()), start=1):
        state, speech = voice.step(state, frame)
        detections = detector.step(frame, speech or open_gate)
        if detections or detector.scores:
            yield Moment(heard * FRAME_SECONDS, detector.scores, detections)


def _silence() -> Iterator[Frame]:
    return repeat(np.zeros(FRAME_SAMPLES, np.int16), round(TAIL_SECONDS / FRAME_SECONDS))
