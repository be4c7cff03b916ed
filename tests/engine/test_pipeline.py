"""The pipeline with its real parts: networks, VAD, wake words and recordings of people."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from auricle.audio.file import read_recording
from auricle.audio.format import FRAME_SAMPLES, SAMPLE_RATE
from auricle.compute.budget import Budget, ComputeLevel, budget_at
from auricle.config.schema import Config
from auricle.context.entries import Context, Entry
from auricle.engine.pipeline import Pipeline
from auricle.errors import BusyError, ModelError, MutedError, NoSuchSessionError
from auricle.events import (
    Cancelled,
    CancelReason,
    EndReason,
    Event,
    Failed,
    Final,
    Partial,
    Revised,
    Settled,
    Speculative,
    Wake,
)
from auricle.lattice.lattice import Arc
from auricle.recognizer.beam_search import Progress
from auricle.recognizer.recognizer import Recognizer, RecognizerState
from auricle.service.assembly import Models, budget_of, limited, load_models, make_pipeline
from auricle.session import ListenRequested, SessionMachine, TextChanged, numbered
from testbed.recordings import Recording
from testbed.session_rules import check_order, check_revisions, check_settled

Samples = NDArray[np.int16]
CONFIG = Config()


@pytest.fixture(scope="module")
def models() -> Models:
    return load_models(CONFIG, Budget(threads=1, beam=4), wake=False)


@pytest.fixture
def pipeline(models: Models) -> Pipeline:
    return make_pipeline(CONFIG, models, clock=lambda: 0.0)


def room(seconds: float, level: float = 6.0) -> Samples:
    generator = np.random.default_rng(0)
    noise: Samples = (generator.standard_normal(int(seconds * SAMPLE_RATE)) * level).astype(
        np.int16
    )
    return noise


def play(pipeline: Pipeline, *sounds: Samples) -> list[Event]:
    samples = np.concatenate(sounds)
    events: list[Event] = []
    for first in range(0, len(samples) - FRAME_SAMPLES + 1, FRAME_SAMPLES):
        events += pipeline.process(samples[first : first + FRAME_SAMPLES])
    return events


def kinds(events: Iterable[Event]) -> list[type[Event]]:
    return [type(event) for event in events if not isinstance(event, Partial | Settled)]


def spoken(recordings: dict[str, Recording], name: str) -> Samples:
    return read_recording(recordings[name].path)


def test_a_real_sentence_becomes_partials_a_speculation_and_a_final(
    pipeline: Pipeline, recordings: dict[str, Recording]
) -> None:
    sentence = spoken(recordings, "slightest_idea")
    begun = pipeline.listen("client")
    events = [*begun, *play(pipeline, sentence, room(2.0))]
    assert isinstance(begun[0], Wake)
    assert begun[0].owner == "client"
    assert any(isinstance(event, Partial) for event in events)
    final = events[-1]
    assert isinstance(final, Final)
    assert final.result.text
    assert final.result.nbest[0].text == final.result.text
    assert final.result.lattice.best_path().text == final.result.text
    speculative = [event for event in events if isinstance(event, Speculative)][-1]
    assert 0.05 < final.time - speculative.time < 1.0
    assert [event.time for event in events] == sorted(event.time for event in events)
    assert pipeline.running is None


def test_names_apply_from_the_next_session_on(
    pipeline: Pipeline, models: Models, recordings: dict[str, Recording]
) -> None:
    text = recordings["mcveigh"].text
    names = models.recognizer.biasing_of(Context((Entry("contacts", "McVeigh"),)))

    def said(*, set_names: bool = False) -> str:
        pipeline.listen()
        if set_names:
            pipeline.set_biasing(names)
        events = play(pipeline, spoken(recordings, "mcveigh"), room(1.0))
        return next(event.result.text for event in events if isinstance(event, Final))

    assert said() != text
    assert said(set_names=True) != text
    assert said() == text
    pipeline.set_biasing(None)
    assert said() != text


def test_command_with_a_pause_is_speculated_revised_and_finished(
    pipeline: Pipeline, recordings: dict[str, Recording]
) -> None:
    first, second = spoken(recordings, "must_sleep"), spoken(recordings, "slightest_idea")
    begun = pipeline.listen()
    events = play(pipeline, first, room(0.25), second, room(2.0))
    found = kinds([*begun, *events])
    assert found[0] is Wake
    assert found[-1] is Final
    pause = len(first) / SAMPLE_RATE
    guess = next(event for event in events if isinstance(event, Speculative))
    revised = next(event for event in events if isinstance(event, Revised))
    assert pause - 0.3 < guess.time <= revised.time < pause + 1.2
    final = events[-1]
    assert isinstance(final, Final)
    assert len(final.result.text) > len(guess.result.text)


@pytest.mark.parametrize(
    "name", ["slightest_idea", "wounded_in_the_arm", "fell_as_steadily", "momentum_gained"]
)
@pytest.mark.parametrize("level", [ComputeLevel.FULL, ComputeLevel.MINIMAL])
def test_partials_start_with_all_settled_words(
    models: Models, recordings: dict[str, Recording], name: str, level: ComputeLevel
) -> None:
    reader = limited(models.recognizer, budget_at(level, budget_of(CONFIG)))
    pipeline = make_pipeline(CONFIG, replace(models, recognizer=reader), clock=lambda: 0.0)
    events = [*pipeline.listen(), *play(pipeline, spoken(recordings, name), room(2.0))]
    assert check_settled(events) > 0


def test_settled_words_stay_when_a_long_utterance_is_segmented(
    models: Models, recordings: dict[str, Recording]
) -> None:
    names = ("fell_as_steadily", "big_news", "momentum_gained", "wounded_in_the_arm", "must_sleep")
    sounds = [sound for name in names for sound in (spoken(recordings, name), room(0.8))]
    samples = np.concatenate([*sounds, *sounds[:4]])
    reader, state = models.recognizer, models.recognizer.initial_state()
    machine = SessionMachine(numbered())
    session, events = machine.step(machine.initial_state(), ListenRequested(time=0.0))
    for first in range(0, len(samples), 1600):
        state, _ = reader.step(state, samples[first : first + 1600])
        if reader.glance_due(state):
            state = reader.glance(state)
        text = TextChanged(time=first / SAMPLE_RATE, text=state.shown, firm=state.firm)
        session, more = machine.step(session, text)
        events += more
    assert state.finished_segments  # the utterance was segmented
    assert check_settled(events) > len(state.finished_segments[0].words)


def test_partials_continue_from_a_revised_speculation(
    pipeline: Pipeline, recordings: dict[str, Recording]
) -> None:
    first, second = spoken(recordings, "must_sleep"), spoken(recordings, "slightest_idea")
    pipeline.listen()
    events = play(pipeline, first, room(0.25), second, room(2.0))
    check_settled(events)
    revised = next(index for index, one in enumerate(events) if isinstance(one, Revised))
    withdrawn = events[revised - 1]
    assert isinstance(withdrawn, Speculative)
    partials = [one for one in events[revised:] if isinstance(one, Partial)]
    assert len(partials[0].text.split()) >= len(withdrawn.result.words)


SOUNDS = st.one_of(
    st.tuples(
        st.sampled_from(["must_sleep", "slightest_idea", "go", "down", "why_are_you_here"]),
        st.floats(0.3, 1.0),
    ),
    st.tuples(st.just("room"), st.sampled_from([0.1, 0.25, 0.35, 0.5])),
    st.tuples(st.just("knock"), st.sampled_from([0.05, 0.2, 0.3])),  # no word, but VAD hears it
)


@settings(
    max_examples=8, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(
    sounds=st.lists(SOUNDS, min_size=2, max_size=5),
    level=st.sampled_from([ComputeLevel.FULL, ComputeLevel.SAVER, ComputeLevel.MINIMAL]),
)
def test_events_keep_their_rules_whatever_is_heard(
    models: Models,
    recordings: dict[str, Recording],
    sounds: list[tuple[str, float]],
    level: ComputeLevel,
) -> None:
    def sound(name: str, size: float) -> Samples:
        if name == "room":
            return room(size)
        if name == "knock":
            return room(size, 2000.0)
        whole = spoken(recordings, name)
        return whole[: round(size * len(whole))]

    reader = limited(models.recognizer, budget_at(level, budget_of(CONFIG)))
    pipeline = make_pipeline(CONFIG, replace(models, recognizer=reader), clock=lambda: 0.0)
    begun = pipeline.listen()
    events = [*begun, *play(pipeline, *(sound(*one) for one in sounds), room(1.0))]
    events += pipeline.end_audio()
    check_order(events)
    check_revisions(events)
    check_settled(events)
    assert pipeline.running is None


def test_noise_after_a_command_does_not_withdraw_it(
    pipeline: Pipeline, recordings: dict[str, Recording]
) -> None:
    sentence = spoken(recordings, "must_sleep")
    pipeline.listen()
    events = play(pipeline, sentence, room(0.25), room(0.2, 2000.0), room(1.5))
    assert kinds(events) == [Speculative, Final]


def test_partials_come_twice_a_chunk_if_compute_allows(
    models: Models, recordings: dict[str, Recording]
) -> None:
    def partials(level: ComputeLevel) -> int:
        reader = limited(models.recognizer, budget_at(level, budget_of(CONFIG)))
        pipeline = make_pipeline(CONFIG, replace(models, recognizer=reader), clock=lambda: 0.0)
        pipeline.listen()
        events = play(pipeline, spoken(recordings, "wounded_in_the_arm"), room(2.0))
        return sum(isinstance(event, Partial) for event in events)

    assert partials(ComputeLevel.FULL) > 1.2 * partials(ComputeLevel.SAVER)


@pytest.mark.parametrize(("sound", "ratio"), [("jazz", 12.0), ("rain", 12.0)])
def test_end_of_speech_is_detected_over_music_and_rain(
    pipeline: Pipeline, recordings: dict[str, Recording], sound: str, ratio: float
) -> None:
    sentence = spoken(recordings, "why_are_you_here").astype(np.float64)
    background = np.resize(spoken(recordings, sound), len(sentence) + 6 * SAMPLE_RATE)
    loud = np.sqrt(np.mean(sentence**2))
    noise = background * (loud / np.sqrt(np.mean(background.astype(np.float64) ** 2)))
    mixed = noise * 10.0 ** (-ratio / 20.0)
    mixed[: len(sentence)] += sentence
    pipeline.listen()
    events = play(pipeline, np.clip(mixed, -32768, 32767).astype(np.int16))
    assert isinstance(events[-1], Final)
    assert events[-1].reason in {EndReason.SILENCE, EndReason.DECODER}
    assert events[-1].time < len(sentence) / SAMPLE_RATE + 4.0


@pytest.mark.parametrize("voice", ["fell_as_steadily", "big_news"])
def test_quiet_background_voice_does_not_keep_a_command_open(
    pipeline: Pipeline, recordings: dict[str, Recording], voice: str
) -> None:
    """Add a television 16 dB below the command: only few of its words may be recognised."""
    sentence = spoken(recordings, "why_are_you_here").astype(np.float64)
    television = spoken(recordings, voice).astype(np.float64)
    television *= np.sqrt(np.mean(sentence**2) / np.mean(television**2)) * 10.0 ** (-16 / 20)
    mixed = np.resize(television, len(sentence) + 10 * SAMPLE_RATE)
    mixed[: len(sentence)] += sentence
    pipeline.listen()
    events = play(pipeline, np.clip(mixed, -32768, 32767).astype(np.int16))
    assert isinstance(events[-1], Final)
    assert kinds(events).count(Final) == 1
    assert events[-1].result.text
    assert len(sentence) / SAMPLE_RATE - 0.3 < events[-1].time < len(sentence) / SAMPLE_RATE + 3.0
    assert pipeline.running is None


def test_session_without_speech_ends_after_the_timeout(pipeline: Pipeline) -> None:
    pipeline.listen(no_speech_seconds=1.5)
    events = play(pipeline, room(3.0))
    assert kinds(events) == [Cancelled]
    assert isinstance(events[0], Cancelled)
    assert events[0].reason is CancelReason.NO_SPEECH
    assert events[0].time == pytest.approx(1.5, abs=0.2)


def test_command_is_cut_at_the_limit(pipeline: Pipeline, recordings: dict[str, Recording]) -> None:
    sentence = spoken(recordings, "why_are_you_here")
    pipeline.listen(maximum_seconds=1.5)
    events = play(pipeline, sentence, sentence)
    assert isinstance(events[-1], Final)
    assert events[-1].time == pytest.approx(1.5, abs=0.3)


def test_the_end_of_a_recording_ends_the_session(
    pipeline: Pipeline, recordings: dict[str, Recording]
) -> None:
    pipeline.listen()
    play(pipeline, spoken(recordings, "slightest_idea")[: 2 * SAMPLE_RATE])
    events = pipeline.end_audio()
    assert isinstance(events[-1], Final)
    assert events[-1].reason is EndReason.AUDIO_ENDED
    assert pipeline.end_audio() == ()


def test_second_session_is_refused_and_the_first_continues(pipeline: Pipeline) -> None:
    pipeline.listen("one")
    with pytest.raises(BusyError):
        pipeline.listen("two")
    assert pipeline.running is not None
    assert kinds(pipeline.cancel(pipeline.running, CancelReason.REQUESTED)) == [Cancelled]
    with pytest.raises(NoSuchSessionError):
        pipeline.cancel("1", CancelReason.REQUESTED)


def test_muting_ends_the_session_and_refuses_others(pipeline: Pipeline) -> None:
    pipeline.listen()
    events = pipeline.set_muted(True)
    assert isinstance(events[-1], Cancelled)
    assert events[-1].reason is CancelReason.MUTED
    with pytest.raises(MutedError):
        pipeline.listen()
    pipeline.set_muted(False)
    assert kinds(pipeline.listen()) == [Wake]


class Breaking:
    """A recogniser whose network fails after some frames."""

    def __init__(self, real: Recognizer, steps: int) -> None:
        self.real, self.steps = real, steps
        self.initial_state = real.initial_state
        self.look_ahead = real.look_ahead
        self.glance_due = real.glance_due
        self.glance = real.glance
        self.outcome = real.outcome

    def step(self, state: RecognizerState, chunk: Samples) -> tuple[RecognizerState, Progress]:
        self.steps -= 1
        if self.steps == 0:
            raise ModelError("joint.tflite: gives no finite scores; install the bundle again")
        return self.real.step(state, chunk)


def test_a_broken_network_fails_the_session_and_the_next_one_works(
    models: Models, recordings: dict[str, Recording]
) -> None:
    broken = replace(models, recognizer=Breaking(models.recognizer, 40))
    pipeline = make_pipeline(CONFIG, broken)
    pipeline.listen()
    events = play(pipeline, spoken(recordings, "must_sleep"))
    assert isinstance(events[-1], Failed)
    assert events[-1].error == "InvalidModel"
    assert "install the bundle again" in events[-1].message
    pipeline.listen()
    events = play(pipeline, spoken(recordings, "must_sleep"), room(2.0))
    assert isinstance(events[-1], Final)


def test_text_does_not_depend_on_the_start_time_of_the_session(
    models: Models, recordings: dict[str, Recording]
) -> None:
    texts = []
    for before in (0.0, 45.0):
        pipeline = make_pipeline(CONFIG, models)
        play(pipeline, room(before + 0.5))
        pipeline.listen()
        final = play(pipeline, spoken(recordings, "slightest_idea"), room(2.0))[-1]
        assert isinstance(final, Final)
        assert final.result.words[0].start > before
        texts.append(final.result.text)
    assert texts[0].split()[0] == texts[1].split()[0]


def test_new_budget_applies_from_the_next_session_on(
    models: Models, recordings: dict[str, Recording]
) -> None:
    minimal = limited(models.recognizer, budget_at(ComputeLevel.MINIMAL, budget_of(CONFIG)))

    def arcs(*, before: bool = False, within: bool = False) -> tuple[Arc, ...]:
        pipeline = make_pipeline(CONFIG, models, clock=lambda: 0.0)
        if before:
            pipeline.set_recognizer(minimal)
        pipeline.listen()
        if within:
            pipeline.set_recognizer(minimal)
        events = play(pipeline, spoken(recordings, "must_sleep"), room(1.0))
        final = next(event for event in events if isinstance(event, Final))
        assert final.result.text
        return final.result.lattice.arcs

    assert arcs(within=True) == arcs()
    assert arcs(before=True) != arcs()
