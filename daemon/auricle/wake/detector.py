"""The wake-word detector: several words at a time, on one front end.

In: frames of 10 ms, and whether somebody speaks. Out: detections, with where the word began and
ended. While nobody speaks the networks rest and only the features are kept; when speech begins,
the networks hear the last three seconds again, so that no score changes.
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

KEPT_FRAMES = MEMORY_FRAMES + 100  # 3 s: what a network remembers, and 1 s to score in arrears
RISE_DELAY = 0.05  # seconds from the end of a word to the rise of its probability


@dataclass(frozen=True, slots=True)
class Detection:
    """A wake word was heard."""

    wake_word: str  # name of the model
    score: float  # mean probability, 0 to 1
    start: float  # seconds on the audio clock: where the word began, rather too early
    end: float  # seconds on the audio clock: where the word ended and a command may begin


@dataclass(frozen=True, slots=True)
class Score:
    """How much a stretch of sound is like a wake word."""

    wake_word: str  # name of the model
    time: float  # seconds on the audio clock: end of the stretch
    score: float  # mean probability, 0 to 1


class WakeWordStream:
    """One wake word: its network and its trigger, and how far they have come."""

    def __init__(self, word: MicroWakeWord, trigger: Trigger) -> None:
        self.word = word
        self.trigger = trigger
        self.reset()

    def reset(self) -> None:
        """Forget what was heard."""
        self.scored = 0  # feature frames that have been scored
        self._waiting = np.empty((0, CHANNELS), np.float32)  # fewer than a stride, not scored yet
        self._state = self.word.initial_state()
        self._trigger_state = self.trigger.initial_state()

    def hear(self, features: NDArray[np.float32]) -> list[tuple[int, Scored]]:
        """Score (frames, 40) float32; return each step with its last feature frame, from 1."""
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
        """Score what was kept while the network rested, as far as its memory is exact.

        Args:
            kept: (frames, 40) float32, the last of `total` feature frames.
            total: feature frames since the beginning.
        """
        stride = self.word.stride
        oldest = total - len(kept)
        exact = -(-(oldest + self.word.memory) // stride) * stride if oldest else 0
        resume = max(self.scored, exact)
        known = resume - oldest
        self._state = self.word.remember(kept[known % stride : known])
        skipped = (resume - self.scored) // stride
        self._trigger_state = self.trigger.skip(self._trigger_state, skipped)
        self.scored = resume
        self._waiting = kept[:0]
        scored = self.hear(kept[known:])
        return scored[self.word.description.window - 1 :] if skipped else scored


class WakeDetector:
    """Several wake words on one front end.

    The state is inside, for the front end's cannot be copied (see `frontend`): a detector hears
    one stream, frame by frame, until `reset`.

    Args:
        words: the networks, each with a name of its own.
        cutoffs: by name, for words whose own cut-off is not wanted; 0 to 1.
        refractory_seconds: after a detection of a word none of the same word follows so long.
        gate_seconds: so long after the last speech the networks rest; None: they never do.

    Raises:
        ArgumentError: two words have the same name, or a cut-off belongs to none.
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
            raise ArgumentError(f"A cut-off is given for {unknown}, which is none of the words.")
        self._ears = tuple(
            WakeWordStream(word, make_trigger(word, chosen[word.name], refractory_seconds))
            for word in words
        )
        self._gate_seconds = gate_seconds
        self._frontend = MicroFeatures()
        self._onset = SpeechOnset()
        self.reset()

    def reset(self, time: float = 0.0) -> None:
        """Forget what was heard; the next frame begins at `time` seconds on the audio clock."""
        self._frontend.reset()
        for ear in self._ears:
            ear.reset()
        self._begin = time
        self._frames = 0
        self._features = 0
        self._kept: deque[NDArray[np.float32]] = deque(maxlen=KEPT_FRAMES)
        self._speech = self._onset.initial_state()
        self._resting = False
        self._scores: tuple[Score, ...] = ()

    @property
    def names(self) -> tuple[str, ...]:
        """Names of the wake words, in the order in which they were given."""
        return tuple(ear.word.name for ear in self._ears)

    @property
    def scores(self) -> tuple[Score, ...]:
        """What the last step scored, word by word: mostly nothing or one each."""
        return self._scores

    def step(self, frame: NDArray[np.int16], speech: bool = True) -> tuple[Detection, ...]:
        """Consume a frame; return the words that count as heard now, the surest first.

        Args:
            frame: (160,) int16, 10 ms at 16 kHz.
            speech: whether somebody speaks in it, by the voice activity detection.
        """
        begin = self._begin + self._frames * FRAME_SECONDS
        self._frames += 1
        end = self._begin + self._frames * FRAME_SECONDS
        self._speech = self._onset.step(self._speech, begin, end, speech)
        features = self._frontend.step(frame)
        self._features += len(features)
        self._kept.extend(features)
        self._scores = ()
        if self._may_rest(end):
            self._resting = True
            return ()
        catching_up, self._resting = self._resting, False
        kept = np.array(self._kept).reshape(-1, CHANNELS) if catching_up else features
        detections = [
            detection for ear in self._ears for detection in self._hear(ear, kept, catching_up)
        ]
        return tuple(sorted(detections, key=lambda detection: -detection.score))

    def _may_rest(self, now: float) -> bool:
        """Return whether nobody has spoken for so long that the networks need not hear."""
        return self._gate_seconds is not None and now - self._speech.last > self._gate_seconds

    def _hear(
        self, ear: WakeWordStream, features: NDArray[np.float32], catching_up: bool
    ) -> list[Detection]:
        """Let one word hear; note its scores and return its detections."""
        scored = ear.catch_up(features, self._features) if catching_up else ear.hear(features)
        name = ear.word.name
        self._scores += tuple(
            Score(name, self._time_of(position), result.score) for position, result in scored
        )
        return [
            self._detection(ear, self._time_of(position), result)
            for position, result in scored
            if result.fired
        ]

    def _time_of(self, position: int) -> float:
        """Return when a feature frame was complete, in seconds, given how many there were then."""
        window = self._frames - self._features  # frames until the first window was full
        return self._begin + (position + window) * FRAME_SECONDS

    def _detection(self, ear: WakeWordStream, time: float, result: Scored) -> Detection:
        """Return the detection that a firing at `time` seconds stands for."""
        rise = result.risen * ear.word.stride * FRAME_SECONDS
        end = max(self._begin, time - rise - RISE_DELAY)
        start = max(self._begin, estimate_start(self._speech, end))
        return Detection(ear.word.name, result.score, start, end)


def make_trigger(word: MicroWakeWord, cutoff: float, refractory_seconds: float) -> Trigger:
    """Return the trigger of a word."""
    steps = round(refractory_seconds / (word.stride * FRAME_SECONDS))
    return Trigger(cutoff, word.description.window, steps)
