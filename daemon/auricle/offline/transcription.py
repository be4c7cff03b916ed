"""Transcribes one session or a whole recording with the pipeline of the daemon, without wake word.

It processes the audio frames as fast as it can. The times in its result are those at which a client
would have received the events if the recording had been spoken live on this machine.
"""

from __future__ import annotations

import time
from collections.abc import Iterable, Iterator
from functools import partial
from itertools import islice

import numpy as np

from auricle.audio.format import FRAME_SAMPLES, FRAME_SECONDS, SAMPLE_RATE, Frame, Samples
from auricle.biasing.biasing import Biasing
from auricle.engine.pipeline import Clock, Pipeline
from auricle.offline.live_clock import Known, LiveClock, Transcription
from auricle.recognizer.recognizer import Recognizer

# A step of the recogniser costs time for every word so far, so that a long recording needs steps
# longer than a frame.
BLOCK_FRAMES = round(1.0 / FRAME_SECONDS)


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
    live_clock = LiveClock(clock)
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


def _blocks(frames: Iterable[Frame]) -> Iterator[Samples]:
    """Yield blocks of one second, (samples,) int16; the last one may be shorter."""
    rest = iter(frames)
    while block := list(islice(rest, BLOCK_FRAMES)):
        yield np.concatenate(block)


def _seconds(frames: int) -> float:
    return frames * FRAME_SAMPLES / SAMPLE_RATE
