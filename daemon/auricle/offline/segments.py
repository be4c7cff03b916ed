"""Transcribes a recording of any length, as one session of the pipeline after the other.

In: audio frames. Out: a `TranscribedSegment` for each session, as soon as it ends. The end-pointers
of the daemon divide the recording. Each session starts with a new pipeline, so that memory does not
grow with the length of the recording.

No audio is skipped. A session begins shortly before the end of the previous one, because a word may
have begun there. Where speech goes on for `LONGEST_SECONDS`, the session is cut between two words,
at the quietest place of its second half, and the next session begins at that place.
"""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from functools import partial

import numpy as np

from auricle.audio.format import FRAME_SECONDS, Frame
from auricle.audio.level import level_dbfs
from auricle.biasing.biasing import Biasing
from auricle.engine.pipeline import Clock, Pipeline
from auricle.events import EndReason
from auricle.lattice.lattice import Lattice
from auricle.lattice.result import DECIMALS, Result, Word
from auricle.offline.live_clock import Known, LiveClock, Transcription, nothing_heard
from auricle.recognizer.recognizer import Recognizer

LONGEST_SECONDS = 14.0  # longest session: the second pass reads longer ones less accurately
RESUME_SECONDS = 0.3  # end of a session with which the next one begins
RETRY_SECONDS = 1.0  # the same after a session without words, in which one may have begun
QUIET_FRAMES = 5  # length of the quiet place at which continuous speech is cut, in audio frames
MARGIN_SECONDS = 0.15  # a word may end so much later, or begin so much earlier, than its times say


@dataclass(frozen=True, slots=True)
class TranscribedSegment:
    """A part of a recording. All times are in seconds from the start of the recording."""

    start: float  # start of its audio
    transcription: Transcription  # its `seconds` are the length of the segment

    @property
    def end(self) -> float:
        """End of its audio; the next segment starts here."""
        return self.start + self.transcription.seconds


def transcribe_segments(
    frames: Iterable[Frame],
    make_pipeline: Callable[[], Pipeline],
    recognizer: Recognizer,
    biasing: Biasing | None = None,
    clock: Clock = time.perf_counter,
    longest_seconds: float = LONGEST_SECONDS,
) -> Iterator[TranscribedSegment]:
    """Yield the segments of a recording in order; those without speech have an empty text.

    Args:
        frames: the recording, each (160,) int16.
        make_pipeline: returns a new pipeline without wake words.
        recognizer: the recogniser of these pipelines.
        biasing: context entries to bias towards.
        clock: measures the compute time.
        longest_seconds: length at which a session with continuous speech is cut.

    Raises:
        AuricleError: the recording is damaged, or a part of the pipeline has failed.
    """
    source = _Rewindable(frames)
    begin, behind = 0, 0.0
    while True:
        live = LiveClock(clock, behind)
        pipeline = make_pipeline()
        pipeline.set_biasing(biasing)
        live.take(partial(pipeline.listen, maximum_seconds=longest_seconds), 0.0)
        heard, over = _hear(source, pipeline, live)
        if not heard:
            return
        done = live.conclude(len(heard) * FRAME_SECONDS)
        keep = len(heard)
        if live.ended_by is EndReason.MAXIMUM:
            keep = _quiet_place(heard, done.result.words)
            done = _cut(done, heard[:keep], recognizer, biasing, clock)
        elif not over:
            keep = _resume_at(len(heard), done.result.words)
        start = begin * FRAME_SECONDS
        yield TranscribedSegment(start, _moved(replace(done, seconds=keep * FRAME_SECONDS), start))
        if over and keep == len(heard):
            return
        source.rewind(heard[keep:])
        begin += keep
        behind = live.behind + (len(heard) - keep) * FRAME_SECONDS


class _Rewindable:
    """An iterator over audio frames that takes frames back."""

    def __init__(self, frames: Iterable[Frame]) -> None:
        self._frames = iter(frames)
        self._again: deque[Frame] = deque()

    def __iter__(self) -> Iterator[Frame]:
        return self

    def __next__(self) -> Frame:
        return self._again.popleft() if self._again else next(self._frames)

    def rewind(self, frames: Sequence[Frame]) -> None:
        """Return these frames next, before those that were not read yet."""
        self._again.extendleft(reversed(frames))


def _hear(source: _Rewindable, pipeline: Pipeline, live: LiveClock) -> tuple[list[Frame], bool]:
    """Run a session to its end; return its frames, and whether the recording is over."""
    heard: list[Frame] = []
    for frame in source:
        heard.append(frame)
        live.take(partial(pipeline.process, frame), FRAME_SECONDS)
        if pipeline.running is None:
            return heard, False
    live.take(pipeline.end_audio, 0.0)
    return heard, True


def _resume_at(count: int, words: Sequence[Word]) -> int:
    """Return the index of the first frame of the next session.

    Args:
        count: frames of this session.
        words: its words, with times from its start.
    """
    again = round((RESUME_SECONDS if words else RETRY_SECONDS) / FRAME_SECONDS)
    after_words = round(words[-1].end / FRAME_SECONDS) if words else 0
    return min(count, max(count - again, after_words, -(-count // 2)))


def _quiet_place(heard: Sequence[Frame], words: Sequence[Word]) -> int:
    """Return the index of the frame at which a session with continuous speech is cut.

    Args:
        heard: frames of the session.
        words: its words, with times from its start.
    """
    levels = np.array([level_dbfs(frame) for frame in heard])
    window = np.ones(QUIET_FRAMES) / QUIET_FRAMES
    smooth = np.convolve(levels, window, mode="same")
    margin = round(MARGIN_SECONDS / FRAME_SECONDS)
    between = np.zeros(len(heard), bool)
    for before, after in zip(words, words[1:], strict=False):
        first = round(before.end / FRAME_SECONDS) - margin
        last = round(after.start / FRAME_SECONDS) + margin
        between[max(0, first) : max(0, last)] = True
    second_half = np.arange(len(heard)) >= len(heard) // 2
    possible = between & second_half
    if not possible.any():
        possible = second_half
    return int(np.where(possible, smooth, np.inf).argmin())


def _cut(
    done: Transcription,
    heard: Sequence[Frame],
    recognizer: Recognizer,
    biasing: Biasing | None,
    clock: Clock,
) -> Transcription:
    """Return a transcription with only these frames."""
    begin = clock()
    state = recognizer.initial_state(biasing=biasing)
    state, _ = recognizer.step(state, np.concatenate(heard))
    state, _ = recognizer.look_ahead(state)
    result = recognizer.result(state)
    took = clock() - begin
    return replace(
        done,
        result=result if result.text else nothing_heard(len(heard) * FRAME_SECONDS),
        final=Known(result.text, done.final.time + took),
        compute_seconds=done.compute_seconds + took,
    )


def _moved(done: Transcription, seconds: float) -> Transcription:
    """Return a transcription with all times moved by some seconds."""
    if not seconds:
        return done
    speculative = done.speculative
    return replace(
        done,
        result=_moved_result(done.result, seconds),
        speculative=speculative and replace(speculative, time=speculative.time + seconds),
        final=replace(done.final, time=done.final.time + seconds),
        partials=tuple(replace(one, time=one.time + seconds) for one in done.partials),
    )


def _moved_result(result: Result, by: float) -> Result:
    lattice = Lattice(
        result.lattice.states,
        tuple(replace(arc, start=arc.start + by, end=arc.end + by) for arc in result.lattice.arcs),
    )
    return replace(
        result,
        lattice=lattice,
        words=tuple(
            replace(word, start=_moved_time(word.start, by), end=_moved_time(word.end, by))
            for word in result.words
        ),
        names=tuple(
            replace(name, start=_moved_time(name.start, by), end=_moved_time(name.end, by))
            for name in result.names
        ),
    )


def _moved_time(time: float, by: float) -> float:
    return round(time + by, DECIMALS)
