"""Transcribes a recording with the pipeline of the daemon, without a wake word.

It processes the audio frames as fast as it can. The times in its result are those at which a client
would have received the events if the recording had been spoken live on this machine.
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

# A step of the recogniser costs time for every word so far, so that a long recording needs steps
# longer than a frame.
BLOCK_FRAMES = round(1.0 / FRAME_SECONDS)


@dataclass(frozen=True, slots=True)
class Known:
    """A text and the time at which it is available."""

    text: str
    time: float  # seconds since the start of the recording


@dataclass(frozen=True, slots=True)
class KnownPartial(Known):
    """A partial text."""

    settled: int = 0  # leading words that no partial text changes before the next Speculative


@dataclass(frozen=True, slots=True, kw_only=True)
class Transcription:
    """The transcription of a recording, with latencies."""

    seconds: float  # length of the recording, in whole frames
    result: Result  # the final result; empty if there was no speech
    speculative: Known | None  # the last speculative result
    revised: bool  # whether any speculative result was withdrawn
    final: Known
    compute_seconds: float  # without reading the file
    partials: tuple[KnownPartial, ...] = ()  # in order; see `partials_of`


def transcribe(
    frames: Iterable[Frame], pipeline: Pipeline, clock: Clock = time.perf_counter
) -> Transcription:
    """Transcribe a recording from its first sample until the end-pointer ends the session.

    The audio after that is read, but not processed.

    Args:
        frames: the recording, each (160,) int16.
        pipeline: a new pipeline without wake words.
        clock: measures the compute time.

    Raises:
        AuricleError: the recording is damaged, or a part of the pipeline has failed.
    """
    live_clock = _LiveClock(clock)
    live_clock.take(pipeline.listen, 0.0)
    count = 0
    for frame in frames:
        count += 1
        if pipeline.running is not None:
            live_clock.take(partial(pipeline.process, frame), FRAME_SECONDS)
    if pipeline.running is not None:
        live_clock.take(pipeline.end_audio, 0.0)
    return live_clock.conclude(_seconds(count))


def transcribe_whole(
    frames: Iterable[Frame],
    recognizer: Recognizer,
    clock: Clock = time.perf_counter,
    biasing: Biasing | None = None,
) -> Transcription:
    """Transcribe a recording from its first to its last sample, without end-pointing.

    The audio is not kept in memory, so that a recording may last for hours. `final.time` is the end
    of the recording plus the compute time of the last step.

    Args:
        frames: the recording, each (160,) int16.
        recognizer: the recogniser.
        clock: measures the compute time.
        biasing: context entries to bias towards.

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
    """Return an empty result; its lattice has one arc without a word."""
    silence = Arc(0, 1, word="", acoustic=0.0, graph=0.0, start=0.0, end=seconds)
    return Result(text="", nbest=(), words=(), lattice=Lattice(2, (silence,)))


def partials_of(events: Iterable[Event]) -> tuple[KnownPartial, ...]:
    """Return an entry for each change of the partial text or of its number of settled words."""
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


class _LiveClock:
    """Runs the work of each frame and computes how far it would lag behind live audio."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._compute_seconds = 0.0
        self._behind = 0.0  # seconds that the work of earlier frames would still take
        self._events: list[Event] = []

    def take(self, work: Callable[[], tuple[Event, ...]], interval: float) -> None:
        """Run the work of a frame; the next frame follows after `interval` seconds of audio."""
        begin = self._clock()
        events = work()
        took = self._clock() - begin
        # The time of an event contains the work of its own frame, but not the lag before it.
        self._events += [replace(event, time=event.time + self._behind) for event in events]
        self._compute_seconds += took
        self._behind = max(0.0, self._behind + took - interval)

    def conclude(self, seconds: float) -> Transcription:
        """Return the transcription from the events; `seconds` is the length of the recording."""
        end = self._events[-1]
        if isinstance(end, Failed):
            raise AuricleError(end.message)
        result = end.result if isinstance(end, Final) else nothing_heard(seconds)
        speculative = [event for event in self._events if isinstance(event, Speculative)]
        return Transcription(
            seconds=seconds,
            result=result,
            speculative=_known(speculative[-1]) if speculative else None,
            revised=any(isinstance(event, Revised) for event in self._events),
            final=Known(result.text, end.time),
            compute_seconds=self._compute_seconds,
            partials=partials_of(self._events),
        )


def _blocks(frames: Iterable[Frame]) -> Iterator[Samples]:
    """Yield blocks of one second, (samples,) int16; the last one may be shorter."""
    rest = iter(frames)
    while block := list(islice(rest, BLOCK_FRAMES)):
        yield np.concatenate(block)


def _known(event: Speculative) -> Known:
    return Known(event.result.text, event.time)


def _seconds(frames: int) -> float:
    return frames * FRAME_SAMPLES / SAMPLE_RATE
