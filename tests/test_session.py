"""The session state machine, by example and over random orders of signals."""

from __future__ import annotations

from itertools import pairwise

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from auricle.errors import AuricleError, BusyError, MutedError, NoSuchSessionError
from auricle.events import (
    Cancelled,
    CancelReason,
    EndReason,
    Event,
    Failed,
    Final,
    Partial,
    Settled,
    Speculative,
    Wake,
)
from auricle.lattice.lattice import Arc, Lattice
from auricle.lattice.result import Hypothesis, Result, Word
from auricle.session import (
    AudioEnded,
    Broken,
    CancelRequested,
    ListenRequested,
    MuteChanged,
    NoSpeech,
    SessionMachine,
    SessionState,
    Signal,
    SpeechEnded,
    SpeechPaused,
    TextChanged,
    WakeHeard,
    numbered,
)
from testbed.session_rules import check_order, check_revisions, check_settled, life_of

ENDS = (Final, Cancelled, Failed)


def result_of(text: str, confidence: float = 1.0) -> Result:
    words = text.split()
    spans = [(0.5 + 0.25 * index, 0.75 + 0.25 * index) for index in range(len(words))]
    arcs = [
        Arc(index, index + 1, word, -1.0, 0.0, start, end)
        for index, (word, (start, end)) in enumerate(zip(words, spans, strict=True))
    ]
    return Result(
        text=text,
        nbest=(Hypothesis(text, -1.0 * len(arcs)),),
        words=tuple(Word(arc.word, arc.start, arc.end, confidence) for arc in arcs),
        lattice=Lattice(max(2, len(arcs) + 1), tuple(arcs or [Arc(0, 1, "", 0.0, 0.0, 0.0, 0.0)])),
    )


def wake_heard(time: float) -> WakeHeard:
    return WakeHeard(time=time, wake_word="alexa", score=0.9, start=time - 0.5, end=time)


def run(*signals: Signal) -> list[Event]:
    """Return all events of a fresh machine; a refusal ends the test."""
    machine = SessionMachine(numbered("s"))
    state = machine.initial_state()
    events: list[Event] = []
    for signal in signals:
        state, new = machine.step(state, signal)
        events += new
    return events


def refuse(*signals: Signal) -> AuricleError:
    """Return the error by which the last of the signals is refused."""
    machine = SessionMachine(numbered("s"))
    state = machine.initial_state()
    for signal in signals[:-1]:
        state, _ = machine.step(state, signal)
    with pytest.raises(AuricleError) as refusal:
        machine.step(state, signals[-1])
    return refusal.value


def kinds(events: list[Event]) -> list[str]:
    return [type(event).__name__ for event in events]


def test_command_after_a_wake_word_is_speculated_on_and_confirmed() -> None:
    events = run(
        wake_heard(1.0),
        TextChanged(time=1.5, text="turn on"),
        TextChanged(time=1.6, text="turn on"),
        TextChanged(time=1.9, text="turn on the light"),
        SpeechPaused(time=2.2, result=result_of("turn on the light")),
        SpeechEnded(time=2.4, result=result_of("turn on the light"), reason=EndReason.SILENCE),
    )
    assert kinds(events) == ["Wake", "Partial", "Partial", "Speculative", "Final"]
    assert {event.session for event in events} == {"s1"}
    assert [event.time for event in events] == [1.0, 1.5, 1.9, 2.2, 2.4]
    assert events[0] == Wake(
        session="s1", time=1.0, wake_word="alexa", score=0.9, start=0.5, end=1.0, owner=""
    )


def test_pause_in_the_middle_is_revised_before_the_rest_is_heard() -> None:
    events = run(
        wake_heard(1.0),
        SpeechPaused(time=2.0, result=result_of("turn on")),
        TextChanged(time=2.6, text="turn on the light"),
        SpeechPaused(time=3.0, result=result_of("turn on the light")),
        SpeechEnded(time=3.2, result=result_of("turn on the light"), reason=EndReason.SILENCE),
    )
    assert kinds(events) == ["Wake", "Speculative", "Revised", "Partial", "Speculative", "Final"]


def test_final_text_other_than_the_speculative_one_revises_it() -> None:
    events = run(
        wake_heard(1.0),
        SpeechPaused(time=2.0, result=result_of("turn on")),
        SpeechEnded(time=2.2, result=result_of("turn on it"), reason=EndReason.DECODER),
    )
    assert kinds(events) == ["Wake", "Speculative", "Revised", "Final"]


def test_text_that_contradicts_the_speculation_withdraws_it() -> None:
    events = run(
        wake_heard(1.0),
        SpeechPaused(time=2.0, result=result_of("turn on")),
        TextChanged(time=2.1, text="turn on"),
        TextChanged(time=2.2, text="turn on it"),
    )
    assert kinds(events) == ["Wake", "Speculative", "Revised", "Partial"]


def test_text_that_only_catches_up_with_the_speculation_leaves_it_standing() -> None:
    events = run(
        wake_heard(1.0),
        TextChanged(time=1.5, text="turn of"),
        SpeechPaused(time=2.0, result=result_of("turn on the light")),
        TextChanged(time=2.1, text="turn of"),
        TextChanged(time=2.1, text="turn on"),
        TextChanged(time=2.2, text="turn on the light"),
        SpeechEnded(time=2.4, result=result_of("turn on the light"), reason=EndReason.SILENCE),
    )
    assert kinds(events) == ["Wake", "Partial", "Speculative", "Final"]


def test_text_of_the_first_pass_does_not_fall_back_behind_a_withdrawn_speculation() -> None:
    events = run(
        wake_heard(1.0),
        TextChanged(time=1.5, text="power"),
        SpeechPaused(time=2.0, result=result_of("how are you"), first="power you"),
        TextChanged(time=2.2, text="power"),
        TextChanged(time=2.3, text="power you"),
        TextChanged(time=2.4, text="power you going"),
    )
    assert kinds(events) == ["Wake", "Partial", "Speculative", "Revised", "Partial"]
    assert events[-1] == Partial(session="s1", time=2.4, text="how are you going")


def test_first_pass_that_heard_other_words_than_the_second_leaves_its_speculation_standing() -> (
    None
):
    events = run(
        wake_heard(1.0),
        TextChanged(time=1.5, text="power"),
        SpeechPaused(time=2.0, result=result_of("how are you"), first="power you"),
        TextChanged(time=2.1, text="power you"),
        SpeechEnded(time=2.4, result=result_of("how are you"), reason=EndReason.SILENCE),
    )
    assert kinds(events) == ["Wake", "Partial", "Speculative", "Final"]


def test_settled_words_are_told_after_their_partial_and_again_when_there_are_more() -> None:
    events = run(
        wake_heard(1.0),
        TextChanged(time=1.5, text="turn on", firm=("turn",)),
        TextChanged(time=1.6, text="turn on", firm=("turn",)),
        TextChanged(time=1.7, text="turn on", firm=("turn", "on")),
        TextChanged(time=1.8, text="turn off", firm=()),
    )
    assert events[1:] == [
        Partial(session="s1", time=1.5, text="turn on", settled=1),
        Settled(session="s1", time=1.5, text="turn", words=1),
        Settled(session="s1", time=1.7, text="turn on", words=2),
    ]


def test_a_speculation_makes_void_what_was_settled_and_partials_settle_it_anew() -> None:
    firm = ("power", "you")
    events = run(
        wake_heard(1.0),
        TextChanged(time=1.5, text="power you", firm=firm),
        SpeechPaused(time=2.0, result=result_of("how are you"), first="power you"),
        TextChanged(time=2.1, text="power you", firm=firm),
        TextChanged(time=2.4, text="power you going", firm=firm),
    )
    assert kinds(events) == [
        "Wake", "Partial", "Settled", "Speculative", "Revised", "Partial", "Settled",
    ]  # fmt: skip
    assert events[-1] == Settled(session="s1", time=2.4, text="how are you", words=3)


def test_first_pass_that_rereads_the_same_words_leaves_the_speculation_standing() -> None:
    events = run(
        wake_heard(1.0),
        SpeechPaused(time=2.0, result=result_of("turn on the light")),
        TextChanged(time=2.1, text="turn of the light"),
        SpeechPaused(time=2.2, result=result_of("turn on the light")),
        TextChanged(time=2.3, text="turn off light"),
        SpeechEnded(time=2.4, result=result_of("turn on the light"), reason=EndReason.SILENCE),
    )
    assert kinds(events) == ["Wake", "Speculative", "Final"]


def test_final_and_the_end_of_the_audio_carry_the_latest_result() -> None:
    early, late, last = (result_of("turn on", confidence) for confidence in (0.5, 0.7, 0.9))
    paused = (
        wake_heard(1.0),
        SpeechPaused(time=2.0, result=early),
        SpeechPaused(time=2.2, result=late),
    )
    ended = SpeechEnded(time=2.4, result=last, reason=EndReason.SILENCE)
    for signal, result in ((AudioEnded(time=2.4), late), (ended, last)):
        final = run(*paused, signal)[-1]
        assert isinstance(final, Final)
        assert final.result is result


def test_second_pause_with_the_same_text_says_nothing_new() -> None:
    paused = SpeechPaused(time=2.0, result=result_of("turn on"))
    again = SpeechPaused(time=2.1, result=result_of("turn on", confidence=0.5))
    assert kinds(run(wake_heard(1.0), paused, again)) == ["Wake", "Speculative"]


def test_pause_without_words_is_no_speculation() -> None:
    assert kinds(run(wake_heard(1.0), SpeechPaused(time=2.0, result=result_of("")))) == ["Wake"]


@pytest.mark.parametrize(
    ("signal", "reason"),
    [
        (NoSpeech(time=6.0), CancelReason.NO_SPEECH),
        (
            SpeechEnded(time=6.0, result=result_of(""), reason=EndReason.SILENCE),
            CancelReason.NO_SPEECH,
        ),
        (
            SpeechEnded(time=6.0, result=result_of(""), reason=EndReason.AUDIO_ENDED),
            CancelReason.AUDIO_ENDED,
        ),
        (AudioEnded(time=6.0), CancelReason.AUDIO_ENDED),
        (MuteChanged(time=6.0, muted=True), CancelReason.MUTED),
        (CancelRequested(time=6.0, session="s1"), CancelReason.REQUESTED),
        (
            CancelRequested(time=6.0, session=None, reason=CancelReason.SHUTDOWN),
            CancelReason.SHUTDOWN,
        ),
    ],
)
def test_session_without_a_result_is_cancelled_with_its_reason(
    signal: Signal, reason: CancelReason
) -> None:
    events = run(wake_heard(1.0), TextChanged(time=1.5, text="uh"), signal)
    assert events[-1] == Cancelled(session="s1", time=6.0, reason=reason)
    assert kinds(events) == ["Wake", "Partial", "Cancelled"]


def test_open_speculation_is_withdrawn_before_a_cancellation() -> None:
    events = run(
        wake_heard(1.0),
        SpeechPaused(time=2.0, result=result_of("turn on")),
        CancelRequested(time=2.1, session="s1"),
    )
    assert kinds(events) == ["Wake", "Speculative", "Revised", "Cancelled"]


def test_end_of_the_audio_confirms_an_open_speculation() -> None:
    speculated = result_of("turn on")
    events = run(wake_heard(1.0), SpeechPaused(time=2.0, result=speculated), AudioEnded(time=2.1))
    assert events[-1] == Final(
        session="s1", time=2.1, result=speculated, reason=EndReason.AUDIO_ENDED
    )
    assert kinds(events) == ["Wake", "Speculative", "Final"]


def test_broken_part_fails_the_session_by_name() -> None:
    events = run(wake_heard(1.0), Broken(time=2.0, error="InvalidModel", message="m"))
    assert events[-1] == Failed(session="s1", time=2.0, error="InvalidModel", message="m")


def test_client_that_asks_owns_its_session() -> None:
    events = run(ListenRequested(time=3.0, owner=":1.7"))
    assert events == [
        Wake(session="s1", time=3.0, wake_word="", score=1.0, start=3.0, end=3.0, owner=":1.7")
    ]


def test_second_session_is_refused_while_one_runs() -> None:
    error = refuse(wake_heard(1.0), ListenRequested(time=1.2))
    assert isinstance(error, BusyError)
    assert "'s1'" in str(error)


def test_wake_word_inside_a_session_is_ignored() -> None:
    assert kinds(run(ListenRequested(time=1.0), wake_heard(1.5))) == ["Wake"]


def test_listening_while_muted_is_refused_and_wake_words_are_not_heard() -> None:
    muted = MuteChanged(time=1.0, muted=True)
    assert isinstance(refuse(muted, ListenRequested(time=1.2)), MutedError)
    assert run(muted, wake_heard(1.2)) == []
    assert kinds(run(muted, MuteChanged(time=2.0, muted=False), wake_heard(3.0))) == ["Wake"]


def test_cancelling_a_session_that_does_not_run_is_refused() -> None:
    ended = CancelRequested(time=1.5, session="s1")
    assert isinstance(refuse(ended), NoSuchSessionError)
    assert isinstance(refuse(wake_heard(1.0), ended, ended), NoSuchSessionError)
    other = CancelRequested(time=1.5, session="s2")
    assert isinstance(refuse(wake_heard(1.0), other), NoSuchSessionError)
    assert run(CancelRequested(time=1.5, session=None)) == []


def test_stragglers_after_the_end_cause_nothing() -> None:
    events = run(
        wake_heard(1.0),
        CancelRequested(time=1.1, session="s1"),
        TextChanged(time=1.2, text="late"),
        SpeechPaused(time=1.3, result=result_of("late")),
        SpeechEnded(time=1.4, result=result_of("late"), reason=EndReason.SILENCE),
    )
    assert kinds(events) == ["Wake", "Cancelled"]


def test_late_signal_gets_the_time_of_the_last_event() -> None:
    events = run(wake_heard(2.0), TextChanged(time=1.5, text="turn"))
    assert [event.time for event in events] == [2.0, 2.0]


def test_step_leaves_the_state_it_is_given_as_it_was() -> None:
    machine = SessionMachine(numbered("s"))
    before = machine.initial_state()
    running, _ = machine.step(before, wake_heard(1.0))
    assert before == SessionState()
    first = machine.step(running, TextChanged(time=2.0, text="turn"))
    assert machine.step(running, TextChanged(time=2.0, text="turn")) == first


# Times may stand still and even run backwards, as signals of several threads do.
TIMES = st.sampled_from([0.0, 1.0, 1.5, 2.0])
TEXTS = st.sampled_from(["", "on", "turn on", "turn of", "turn on the light", "turn off a light"])
RESULTS = TEXTS.map(result_of)
SIGNALS = st.one_of(
    TIMES.map(wake_heard),
    st.builds(ListenRequested, time=TIMES, owner=st.sampled_from(["", ":1.7"])),
    st.builds(
        lambda time, text, firm: TextChanged(time=time, text=text, firm=tuple(text.split()[:firm])),
        TIMES,
        TEXTS,
        st.integers(0, 3),
    ),
    st.builds(
        SpeechPaused,
        time=TIMES,
        result=RESULTS,
        first=st.one_of(st.none(), TEXTS),
        shown=st.one_of(st.none(), TEXTS),
    ),
    st.builds(SpeechEnded, time=TIMES, result=RESULTS, reason=st.sampled_from(EndReason)),
    st.builds(NoSpeech, time=TIMES),
    st.builds(AudioEnded, time=TIMES),
    st.builds(
        CancelRequested,
        time=TIMES,
        session=st.sampled_from([None, "s1", "s2", "nonsense"]),
        reason=st.sampled_from(CancelReason),
    ),
    st.builds(MuteChanged, time=TIMES, muted=st.booleans()),
    st.builds(Broken, time=TIMES, error=st.just("Failed"), message=st.just("it broke")),
)

def live(signals: list[Signal]) -> tuple[SessionState, list[Event]]:
    """Return what a machine says to any signals; only clients may be refused."""
    machine = SessionMachine(numbered("s"))
    state = machine.initial_state()
    events: list[Event] = []
    for signal in signals:
        try:
            state, new = machine.step(state, signal)
        except (BusyError, MutedError, NoSuchSessionError):
            assert isinstance(signal, ListenRequested | CancelRequested)
        else:
            events += new
    return state, events


def sessions_of(events: list[Event]) -> list[list[Event]]:
    """Return the events cut before each Wake."""
    sessions: list[list[Event]] = []
    for event in events:
        if isinstance(event, Wake):
            sessions.append([])
        sessions[-1].append(event)
    return sessions


@settings(max_examples=500)
@given(st.lists(SIGNALS, max_size=40))
def test_any_order_of_signals_gives_whole_sessions_one_after_the_other(
    signals: list[Signal],
) -> None:
    state, events = live(signals)
    check_order(events)
    life = life_of(events)
    assert (state.running is None) == (not life or life[-1] in "FCX")
    sessions = sessions_of(events)
    ids = [session[0].session for session in sessions]
    assert len(set(ids)) == len(ids)
    for session, name in zip(sessions, ids, strict=True):
        assert {event.session for event in session} == {name}


@settings(max_examples=500)
@given(st.lists(SIGNALS, max_size=40))
def test_speculation_is_confirmed_only_by_the_same_text(signals: list[Signal]) -> None:
    _, events = live(signals)
    for event, following in pairwise(events):
        if isinstance(event, Speculative) and isinstance(following, Final):
            assert following.result.text == event.result.text
        if isinstance(event, Speculative | Final):
            assert event.result.text


@settings(max_examples=500)
@given(st.lists(SIGNALS, max_size=40))
def test_speculation_is_withdrawn_only_for_another_text(signals: list[Signal]) -> None:
    check_revisions(live(signals)[1])


@settings(max_examples=500)
@given(st.lists(SIGNALS, max_size=40))
def test_partial_comes_only_when_the_text_has_changed(signals: list[Signal]) -> None:
    _, events = live(signals)
    for session in sessions_of(events):
        last = ""
        for event in session:
            if isinstance(event, Partial):
                assert event.text != last
                last = event.text
            elif isinstance(event, Speculative):
                last = event.result.text


@settings(max_examples=500)
@given(st.lists(SIGNALS, max_size=40))
def test_what_was_told_to_be_settled_stays_up_to_the_next_speculation(
    signals: list[Signal],
) -> None:
    _, events = live(signals)
    check_settled(events)


@given(st.lists(SIGNALS, max_size=40))
def test_time_of_events_never_runs_backwards(signals: list[Signal]) -> None:
    _, events = live(signals)
    assert all(before.time <= after.time for before, after in pairwise(events))


@given(
    st.lists(SIGNALS, max_size=40),
    st.sampled_from(
        [
            NoSpeech(time=2.0),
            AudioEnded(time=2.0),
            SpeechEnded(time=2.0, result=result_of("on"), reason=EndReason.MAXIMUM),
            CancelRequested(time=2.0, session=None),
            MuteChanged(time=2.0, muted=True),
            Broken(time=2.0, error="Failed", message="it broke"),
        ]
    ),
)
def test_every_ending_signal_ends_the_session_whatever_came_before(
    signals: list[Signal], ending: Signal
) -> None:
    state, events = live([*signals, ending])
    assert state.running is None
    assert not events or isinstance(events[-1], ENDS)
