"""From a recording to a transcription, by the daemon's own pipeline and without a wake word.

In: the frames of a recording, as fast as they come. Out: what a client would have been told, with
the times at which it would have known it, had the recording been spoken live on this machine.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, replace
from functools import partial
from itertools import islice

import numpy as np

from auricle.audio.format import FRAME_SAMPLES, FRAME_SECONDS, SAMPLE_RATE, Frame, Samples
from auricle.biasing.biasing import Biasing
from auricle.engine.pipeline import Clock, Pipeline
from auricle.errors import AuricleError
from auricle.events import Event, Failed, Final, Partial, Revised, Settled, Speculative
from auricle.lattice.lattice import Arc, Lattice
from auricle.lattice.result import Result
from auricle.recognizer.recognizer import Recognizer

# Each step of the recogniser goes through all words so far: a long recording must not be taken
# frame by frame.
BLOCK_FRAMES = round(1.0 / FRAME_SECONDS)


@dataclass(frozen=True, slots=True)
class Known:
    """A text, and when it was known."""

    text: str
    time: float  # seconds since the start of the recording


@dataclass(frozen=True, slots=True)
class KnownPartial(Known):
    """A partial result."""

    settled: int = 0  # words at its beginning that are in all that follow, up to a speculation


@dataclass(frozen=True, slots=True, kw_only=True)
class Transcription:
    """What became of a recording."""

    seconds: float  # length of the recording, in whole frames
    result: Result  # of the end; no text, readings and words when nothing was heard
    speculative: Known | None  # the last speculative result that was told
    revised: bool  # whether any speculative result was withdrawn
    final: Known
    compute_seconds: float  # spent on it, without reading the file
    partials: tuple[KnownPartial, ...] = ()  # told before the end, in order; see `partials_of`


def transcribe(
    frames: Iterable[Frame], pipeline: Pipeline, clock: Clock = time.perf_counter
) -> Transcription:
    """Let a fresh pipeline listen to a recording from its first sample on.

    The session ends where the final end-pointer fires, or with the recording. What is recorded
    after that is read, but not heard.

    Args:
        frames: the recording, each (160,) int16.
        pipeline: one without wake words.
        clock: counts the seconds of computing.

    Raises:
        AuricleError: the recording is damaged, or a part of the pipeline has failed.
    """
    listener = _Listener(clock)
    listener.take(pipeline.listen, 0.0)
    count = 0
    for frame in frames:
        count += 1
        if pipeline.running is not None:
            listener.take(partial(pipeline.hear, frame), FRAME_SECONDS)
    if pipeline.running is not None:
        listener.take(pipeline.end_audio, 0.0)
    return listener.conclude(_seconds(count))


def transcribe_whole(
    frames: Iterable[Frame],
    recognizer: Recognizer,
    clock: Clock = time.perf_counter,
    biasing: Biasing | None = None,
) -> Transcription:
    """Decode a recording from its first to its last sample, without end-pointers.

    The sound is not kept, so that a recording may last for hours. `final.time` is the end of the
    recording plus the time of the last step.

    Args:
        frames: the recording, each (160,) int16.
        recognizer: what turns it into words.
        clock: counts the seconds of computing.
        biasing: names to favour.

    Raises:
        AuricleError: the recording is damaged, or a network has failed.
    """
    state = recognizer.initial_state(biasing=biasing)
    count, compute_seconds = 0, 0.0
    for block in _blocks(frames):
        count += len(block) // FRAME_SAMPLES
        begin = clock()
        state, _ = recognizer.step(state, block)
        compute_seconds += clock() - begin
    begin = clock()
    state, _ = recognizer.look_ahead(state)
    result = recognizer.result(state)
    delay = clock() - begin
    seconds = _seconds(count)
    return Transcription(
        seconds=seconds,
        result=result,
        speculative=None,
        revised=False,
        final=Known(result.text, seconds + delay),
        compute_seconds=compute_seconds + delay,
    )


def nothing_heard(seconds: float) -> Result:
    """Return the result of a session that ended without words; its lattice says just that."""
    silence = Arc(0, 1, word="", acoustic=0.0, graph=0.0, start=0.0, end=seconds)
    return Result(text="", nbest=(), words=(), lattice=Lattice(2, (silence,)))


def partials_of(events: Iterable[Event]) -> tuple[KnownPartial, ...]:
    """Return an entry for each partial text, and one more where it stays and more of it settles."""
    partials: list[KnownPartial] = []
    text, settled = "", 0
    for event in events:
        match event:
            case Partial():
                text, settled = event.text, event.settled
                partials.append(KnownPartial(text, event.time, settled))
            case Settled() if event.words != settled:
                settled = event.words
                partials.append(KnownPartial(text, event.time, settled))
            case Speculative():
                text, settled = event.result.text, 0
    return tuple(partials)


class _Listener:
    """Does the work that comes with each frame; knows how far it would lag behind live sound."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._compute_seconds = 0.0
        self._behind = 0.0  # seconds for which the work of earlier frames would still go on
        self._events: list[Event] = []

    def take(self, work: Callable[[], tuple[Event, ...]], interval: float) -> None:
        """Do the work of a frame; the next one comes after `interval` seconds of sound."""
        begin = self._clock()
        events = work()
        took = self._clock() - begin
        # An event knows how long the work of its own frame took, not that it began late.
        self._events += [replace(event, time=event.time + self._behind) for event in events]
        self._compute_seconds += took
        self._behind = max(0.0, self._behind + took - interval)

    def conclude(self, seconds: float) -> Transcription:
        """Return what the events of the session come to; `seconds` is how long it all lasted."""
        end = self._events[-1]
        if isinstance(end, Failed):
            raise AuricleError(end.message)
        result = end.result if isinstance(end, Final) else nothing_heard(seconds)
        told = [event for event in self._events if isinstance(event, Speculative)]
        return Transcription(
            seconds=seconds,
            result=result,
            speculative=Known(told[-1].result.text, told[-1].time) if told else None,
            revised=any(isinstance(event, Revised) for event in self._events),
            final=Known(result.text, end.time),
            compute_seconds=self._compute_seconds,
            partials=partials_of(self._events),
        )


def _blocks(frames: Iterable[Frame]) -> Iterator[Samples]:
    """Yield the frames joined to blocks of a second, (samples,) int16; the last may be shorter."""
    rest = iter(frames)
    while block := list(islice(rest, BLOCK_FRAMES)):
        yield np.concatenate(block)


def _seconds(frames: int) -> float:
    return frames * FRAME_SAMPLES / SAMPLE_RATE
