"""Runs the wake-word detector on a recording and yields its scores and detections."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from itertools import chain, repeat

import numpy as np

from auricle.audio.format import FRAME_SAMPLES, FRAME_SECONDS, Frame
from auricle.audio.vad import VoiceActivity
from auricle.config.schema import Config, WakeModel
from auricle.wake.detector import Detection, Score, WakeDetector

TAIL_SECONDS = 0.5  # of silence added after a recording, because a detection comes after the word


@dataclass(frozen=True, slots=True)
class Moment:
    """Scores and detections of one audio frame."""

    time: float  # seconds from the start of the recording: end of the frame
    scores: tuple[Score, ...]
    detections: tuple[Detection, ...]


def choose(config: Config, names: Iterable[str]) -> Config:
    """Return the configuration with only the named wake words, each with its settings."""
    own = {model.model: model for model in config.wake.models}
    models = tuple(own.get(name, WakeModel(model=name)) for name in dict.fromkeys(names))
    return replace(config, wake=replace(config.wake, models=models))


def detect(
    frames: Iterable[Frame], detector: WakeDetector, voice: VoiceActivity, *, open_gate: bool
) -> Iterator[Moment]:
    """Run a detector on a recording; yield each frame that has scores or detections.

    Args:
        frames: the recording, each (160,) int16.
        detector: the detector, which is reset first.
        voice: the voice activity detection that gates it.
        open_gate: treat every frame as speech.

    Raises:
        AudioError: the recording is damaged.
    """
    detector.reset()
    state = voice.initial_state()
    for count, frame in enumerate(chain(frames, _silence()), start=1):
        state, speech = voice.step(state, frame)
        detections = detector.step(frame, speech or open_gate)
        if detections or detector.scores:
            yield Moment(count * FRAME_SECONDS, detector.scores, detections)


def _silence() -> Iterator[Frame]:
    return repeat(np.zeros(FRAME_SAMPLES, np.int16), round(TAIL_SECONDS / FRAME_SECONDS))
