"""Transcription of recordings: times, ends and memory use."""

from __future__ import annotations

import weakref
from collections.abc import Callable, Iterator
from itertools import count

import numpy as np
import pytest

from auricle.audio.file import read_recording
from auricle.audio.format import FRAME_SAMPLES, FRAME_SECONDS, SAMPLE_RATE, Frame, Samples
from auricle.audio.vad import VoiceActivity
from auricle.compute.budget import Budget
from auricle.config import Config
from auricle.engine.pipeline import Parts, Pipeline
from auricle.errors import AuricleError, ModelError
from auricle.events import Event, Final, Speculative
from auricle.offline.transcription import BLOCK_FRAMES, transcribe, transcribe_whole
from auricle.recognizer.beam_search import Progress
from auricle.recognizer.endpoint import EndPointer
from auricle.recognizer.recognizer import Recognizer, RecognizerState
from auricle.service.assembly import Models, endpoint_options, load_models
from auricle.session import SessionMachine, numbered
from testbed.recordings import Recording


@pytest.fixture(scope="module")
def models() -> Models:
    return load_models(Config(), Budget(threads=1, beam=4), wake=False)


def pipeline_of(recognizer: Recognizer) -> Pipeline:
    """Return a pipeline that takes no time to compute."""
    config = Config()
    parts = Parts(
        machine=SessionMachine(numbered()),
        recognizer=recognizer,
        end_pointer=EndPointer(endpoint_options(config.endpoint)),
        voice=VoiceActivity(config.vad.aggressiveness, config.vad.hangover_ms / 1000),
        wake=None,
    )
    return Pipeline(parts, clock=without_delay)


def framed(samples: Samples) -> Iterator[Frame]:
    for start in range(0, len(samples) - FRAME_SAMPLES + 1, FRAME_SAMPLES):
        yield samples[start : start + FRAME_SAMPLES].copy()


def silence(seconds: float) -> Samples:
    return np.zeros(round(seconds * SAMPLE_RATE), np.int16)


def without_delay() -> float:
    """Clock of a machine that computes without a delay, however busy this one is."""
    return 0.0


def stepping(seconds: float) -> Callable[[], float]:
    """Return a clock that advances by a fixed time at each reading."""
    ticks = count()
    return lambda: next(ticks) * seconds


@pytest.fixture
def spoken(recordings: dict[str, Recording]) -> Samples:
    """A sentence, and two seconds of silence."""
    return np.concatenate([read_recording(recordings["must_sleep"].path), silence(2)])


def test_end_pointer_ends_the_session_early(models: Models, spoken: Samples) -> None:
    done = transcribe(framed(spoken), pipeline_of(models.recognizer), clock=without_delay)
    assert done.seconds == pytest.approx(len(spoken) / SAMPLE_RATE, abs=FRAME_SECONDS)
    assert done.final.text == done.result.text != ""
    assert 0 < done.final.time < done.seconds
    assert done.result.text == done.result.nbest[0].text
    if done.speculative is not None:
        assert done.speculative.time <= done.final.time


def test_events_are_those_of_the_pipeline(models: Models, spoken: Samples) -> None:
    pipeline = pipeline_of(models.recognizer)
    events: list[Event] = list(pipeline.listen())
    for frame in framed(spoken):
        events += pipeline.process(frame)
    done = transcribe(framed(spoken), pipeline_of(models.recognizer), clock=without_delay)
    final = next(event for event in events if isinstance(event, Final))
    told = [event for event in events if isinstance(event, Speculative)]
    assert (done.final.text, done.final.time) == (final.result.text, final.time)
    assert done.result == final.result
    assert (done.speculative is None) == (not told)


def test_end_of_the_recording_ends_the_session(models: Models, spoken: Samples) -> None:
    cut = spoken[: round(1.2 * SAMPLE_RATE)]
    done = transcribe(framed(cut), pipeline_of(models.recognizer), clock=without_delay)
    assert done.final.time == pytest.approx(1.2)
    assert done.result.text != ""


def test_silence_gives_an_empty_text_with_a_time(models: Models) -> None:
    done = transcribe(framed(silence(6)), pipeline_of(models.recognizer), clock=without_delay)
    assert (done.result.text, done.result.nbest, done.result.words) == ("", (), ())
    assert (done.speculative, done.revised) == (None, False)
    assert done.final.text == ""
    assert 5.0 <= done.final.time < done.seconds == pytest.approx(6.0)
    assert done.result.lattice.best_path().text == ""


def test_recording_shorter_than_a_frame_gives_an_empty_text(models: Models) -> None:
    for done in (
        transcribe(iter(()), pipeline_of(models.recognizer), clock=without_delay),
        transcribe_whole(iter(()), models.recognizer, clock=without_delay),
    ):
        assert (done.seconds, done.result.text, done.final.time) == (0.0, "", 0.0)


def test_times_include_the_lag_of_computing(models: Models, spoken: Samples) -> None:
    prompt = transcribe(framed(spoken), pipeline_of(models.recognizer), clock=without_delay)
    slow = transcribe(framed(spoken), pipeline_of(models.recognizer), clock=stepping(0.015))
    frames_before = round(prompt.final.time / FRAME_SECONDS) - 1
    # Opening the session takes 15 ms, and so does each frame of 10 ms.
    assert slow.final.time == pytest.approx(prompt.final.time + 0.015 + 0.005 * frames_before)
    assert slow.compute_seconds == pytest.approx(0.015 * (frames_before + 2))
    assert slow.result == prompt.result


def test_whole_recording_is_decoded_without_an_end_pointer(models: Models, spoken: Samples) -> None:
    late = np.concatenate([silence(6), spoken])
    assert transcribe(framed(late), pipeline_of(models.recognizer)).result.text == ""
    done = transcribe_whole(framed(late), models.recognizer)
    assert done.result.words[0].start > 5.0
    assert (done.speculative, done.revised) == (None, False)
    assert done.final.text == done.result.text
    assert done.final.time >= done.seconds == pytest.approx(len(late) / SAMPLE_RATE, abs=0.01)


def test_result_does_not_depend_on_the_block_size(models: Models, spoken: Samples) -> None:
    recognizer = models.recognizer
    at_once, _ = recognizer.step(recognizer.initial_state(), spoken)
    at_once, _ = recognizer.look_ahead(at_once)
    whole = spoken[: len(spoken) // FRAME_SAMPLES * FRAME_SAMPLES]
    done = transcribe_whole(framed(whole), recognizer)
    assert done.result.text == recognizer.result(at_once).text


def test_samples_of_a_long_recording_are_not_kept_in_memory(models: Models) -> None:
    kept: list[weakref.ref[Frame]] = []
    most = 0

    def frames() -> Iterator[Frame]:
        nonlocal most
        for _ in range(5 * BLOCK_FRAMES):
            frame = np.zeros(FRAME_SAMPLES, np.int16)
            kept.append(weakref.ref(frame))
            most = max(most, sum(reference() is not None for reference in kept))
            yield frame

    transcribe_whole(frames(), models.recognizer)
    assert most <= 2 * BLOCK_FRAMES + 1


class Broken(Recognizer):
    """A recogniser with a failing network."""

    def step(self, state: RecognizerState, chunk: Samples) -> tuple[RecognizerState, Progress]:
        raise ModelError("joint network gives scores that are not finite; install it again")


def test_failing_network_is_an_error(models: Models, spoken: Samples) -> None:
    broken = object.__new__(Broken)
    broken.__dict__.update(models.recognizer.__dict__)
    with pytest.raises(AuricleError, match="not finite"):
        transcribe(framed(spoken), pipeline_of(broken))
