"""Detects several wake words in one audio stream, with a shared front end.

In: audio frames of 10 ms, each with a VAD decision. Out: detections with the start and end of the
word. During silence only the front end runs, and its features are kept. When speech begins, the
networks process the last three seconds first, so that their scores are the same as without a pause.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from auricle.audio.format import FRAME_SECONDS
from auricle.errors import ArgumentError
from auricle.wake.frontend import CHANNELS, MicroFeatures
from auricle.wake.micro_wake_word import MEMORY_FRAMES, MicroWakeWord
from auricle.wake.onset import SpeechOnset, estimate_start
from auricle.wake.trigger import Scored, Trigger

KEPT_FRAMES = MEMORY_FRAMES + 100  # 3 s: the context of a network, and 1 s to score after a pause
RISE_DELAY = 0.05  # seconds from the end of a word to the rise of its probability


@dataclass(frozen=True, slots=True)
class Detection:
    """A detected wake word."""

    wake_word: str  # name of the model
    score: float  # mean probability, 0 to 1
    start: float  # seconds on the audio clock: start of the word, biased towards too early
    end: float  # seconds on the audio clock: end of the word; the command may begin here


@dataclass(frozen=True, slots=True)
class Score:
    """The score of a wake word at one step of its network."""

    wake_word: str  # name of the model
    time: float  # seconds on the audio clock: end of the scored audio
    score: float  # mean probability, 0 to 1


class WakeWordStream:
    """One wake word: its network, its trigger, and their states."""

    def __init__(self, word: MicroWakeWord, trigger: Trigger) -> None:
        self.word = word
        self.trigger = trigger
        self.reset()

    def reset(self) -> None:
        """Return to the initial state."""
        self.scored = 0  # feature frames scored so far
        self._waiting = np.empty((0, CHANNELS), np.float32)  # unscored frames, less than a stride
        self._state = self.word.initial_state()
        self._trigger_state = self.trigger.initial_state()

    def score(self, features: NDArray[np.float32]) -> list[tuple[int, Scored]]:
        """Score feature frames, (frames, 40) float32.

        Returns:
            For each step of the network: the number of feature frames scored by then, and the
            result.
        """
        features = np.concatenate((self._waiting, features))
        whole = len(features) - len(features) % self.word.stride
        self._waiting = features[whole:]
        if not whole:
            return []
        self._state, probabilities = self.word.step(self._state, features[:whole])
        scored: list[tuple[int, Scored]] = []
        for probability in probabilities.tolist():
            self._trigger_state, result = self.trigger.step(self._trigger_state, probability)
            self.scored += self.word.stride
            scored.append((self.scored, result))
        return scored

    def catch_up(self, kept: NDArray[np.float32], total: int) -> list[tuple[int, Scored]]:
        """Score the feature frames kept during a pause, from where the network state is exact.

        Args:
            kept: (frames, 40) float32, the last of `total` feature frames.
            total: feature frames since the start of the stream.

        Returns:
            As `score` does.
        """
        stride = self.word.stride
        oldest = total - len(kept)
        exact = -(-(oldest + self.word.memory) // stride) * stride if oldest else 0
        resume = max(self.scored, exact)
        context = resume - oldest
        self._state = self.word.remember(kept[context % stride : context])
        skipped = (resume - self.scored) // stride
        self._trigger_state = self.trigger.skip(self._trigger_state, skipped)
        self.scored = resume
        self._waiting = kept[:0]
        scored = self.score(kept[context:])
        return scored[self.word.description.window - 1 :] if skipped else scored


class WakeDetector:
    """Detects several wake words with one shared front end.

    The object holds its state, because the state of the front end cannot be copied (see
    `frontend`). It processes one stream, frame by frame, until `reset`.

    Args:
        words: the networks, with different names.
        cutoffs: cut-offs by name, 0 to 1, that replace those of the models.
        refractory_seconds: minimum time between two detections of the same word.
        gate_seconds: the networks pause after this much silence; None: they never pause.

    Raises:
        ArgumentError: two words have the same name, or a cut-off has the name of no word.
    """

    def __init__(
        self,
        words: Sequence[MicroWakeWord],
        *,
        cutoffs: Mapping[str, float] | None = None,
        refractory_seconds: float = 2.0,
        gate_seconds: float | None = 1.0,
    ) -> None:
        own = {word.name: word.description.cutoff for word in words}
        chosen = own | dict(cutoffs or {})
        if len(own) != len(words):
            raise ArgumentError("Two wake words have the same name; rename one of the models.")
        if len(chosen) != len(own):
            unknown = ", ".join(sorted(chosen.keys() - own.keys()))
            raise ArgumentError(
                f"There is a cut-off for {unknown}, but no such wake word; remove it or load the "
                "model."
            )
        self._streams = tuple(
            WakeWordStream(word, make_trigger(word, chosen[word.name], refractory_seconds))
            for word in words
        )
        self._gate_seconds = gate_seconds
        self._frontend = MicroFeatures()
        self._onset = SpeechOnset()
        self.reset()

    def reset(self, time: float = 0.0) -> None:
        """Start a new stream, whose first frame is at `time` seconds on the audio clock."""
        self._frontend.reset()
        for stream in self._streams:
            stream.reset()
        self._begin = time
        self._frames = 0
        self._features = 0
        self._kept: deque[NDArray[np.float32]] = deque(maxlen=KEPT_FRAMES)
        self._speech = self._onset.initial_state()
        self._paused = False
        self._scores: tuple[Score, ...] = ()

    @property
    def names(self) -> tuple[str, ...]:
        """Names of the wake words, in the order of the constructor's argument."""
        return tuple(stream.word.name for stream in self._streams)

    @property
    def scores(self) -> tuple[Score, ...]:
        """Scores of the last step, word by word; usually none or one per word."""
        return self._scores

    def step(self, frame: NDArray[np.int16], speech: bool = True) -> tuple[Detection, ...]:
        """Process an audio frame; return the words detected now, with the highest score first.

        Args:
            frame: (160,) int16, 10 ms at 16 kHz.
            speech: the VAD decision for the frame.
        """
        begin = self._begin + self._frames * FRAME_SECONDS
        self._frames += 1
        end = self._begin + self._frames * FRAME_SECONDS
        self._speech = self._onset.step(self._speech, begin, end, speech)
        features = self._frontend.step(frame)
        self._features += len(features)
        self._kept.extend(features)
        self._scores = ()
        if self._may_pause(end):
            self._paused = True
            return ()
        catching_up, self._paused = self._paused, False
        kept = np.array(self._kept).reshape(-1, CHANNELS) if catching_up else features
        detections = [
            detection
            for stream in self._streams
            for detection in self._score(stream, kept, catching_up)
        ]
        return tuple(sorted(detections, key=lambda detection: -detection.score))

    def _may_pause(self, now: float) -> bool:
        """Return whether the silence has lasted longer than `gate_seconds`."""
        return self._gate_seconds is not None and now - self._speech.last > self._gate_seconds

    def _score(
        self, stream: WakeWordStream, features: NDArray[np.float32], catching_up: bool
    ) -> list[Detection]:
        """Score one wake word; add to `scores` and return its detections."""
        scored = (
            stream.catch_up(features, self._features) if catching_up else stream.score(features)
        )
        name = stream.word.name
        self._scores += tuple(
            Score(name, self._time_of(position), result.score) for position, result in scored
        )
        return [
            self._detection(stream, self._time_of(position), result)
            for position, result in scored
            if result.fired
        ]

    def _time_of(self, position: int) -> float:
        """Return when the feature frame number `position`, from 1, was complete, in seconds."""
        window = self._frames - self._features  # audio frames before the first feature frame
        return self._begin + (position + window) * FRAME_SECONDS

    def _detection(self, stream: WakeWordStream, time: float, result: Scored) -> Detection:
        """Return the detection for a trigger that fired at `time` seconds."""
        rise = result.risen * stream.word.stride * FRAME_SECONDS
        end = max(self._begin, time - rise - RISE_DELAY)
        start = max(self._begin, estimate_start(self._speech, end))
        return Detection(stream.word.name, result.score, start, end)


def make_trigger(word: MicroWakeWord, cutoff: float, refractory_seconds: float) -> Trigger:
    """Return the trigger of a word; the refractory time is rounded to whole steps."""
    steps = round(refractory_seconds / (word.stride * FRAME_SECONDS))
    return Trigger(cutoff, word.description.window, steps)
