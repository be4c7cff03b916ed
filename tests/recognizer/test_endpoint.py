"""The two end-pointers on synthetic observations."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from auricle.audio.format import FRAME_SECONDS
from auricle.recognizer.beam_search import Progress
from auricle.recognizer.endpoint import (
    LOOK_INTERVAL,
    EndPointer,
    EndpointOptions,
    EndpointState,
    Verdict,
    Voicing,
)

OPTIONS = EndpointOptions(
    speculative=0.2, final=0.45, decoder=1.0, no_speech=3.0, maximum=6.0, blank=0.7
)


class Room:
    """Plays speech and silence to the end-pointers and judges each look that they request."""

    def __init__(self) -> None:
        self.pointer = EndPointer(OPTIONS)
        self.state = self.pointer.initial_state()
        self.verdicts: list[tuple[float, Verdict]] = []
        self.looks = 0
        self.text = ""
        self.last_token = 0.0

    def play(self, seconds: float, *, voiced: bool, saying: str = "", level: float = -20.0) -> Room:
        for _ in range(round(seconds / FRAME_SECONDS)):
            self.state, look = self.pointer.step(self.state, Voicing(voiced, level))
            if saying:
                self.text, self.last_token = saying, self.state.seconds
            if look:
                self.looks += 1
                known = Progress(self.text, self.state.seconds - self.last_token, 0.95)
                self.state, verdict = self.pointer.judge(self.state, known)
                self.verdicts.append((round(self.state.seconds, 2), verdict))
        return self

    def first(self, verdict: Verdict) -> float | None:
        return next((time for time, one in self.verdicts if one is verdict), None)


def test_silence_pauses_at_200_ms_and_ends_at_450_ms() -> None:
    room = Room().play(1.0, voiced=True, saying="stop").play(0.6, voiced=False)
    assert room.first(Verdict.PAUSED) == 1.2
    assert room.first(Verdict.SILENT) == 1.45


def test_lasting_sound_far_below_the_command_counts_as_silence() -> None:
    room = Room().play(1.0, voiced=True, saying="stop").play(1.0, voiced=True, level=-51.0)
    assert room.first(Verdict.PAUSED) == 1.7
    assert room.first(Verdict.SILENT) == 1.95
    room = Room().play(1.0, voiced=True, saying="stop").play(1.0, voiced=True, level=-31.0)
    assert room.first(Verdict.SILENT) is None


def test_a_short_gap_between_words_decides_nothing() -> None:
    room = Room().play(0.5, voiced=True, saying="turn")
    room.play(0.15, voiced=False).play(0.5, voiced=True, saying="turn on")
    assert {verdict for _, verdict in room.verdicts} <= {Verdict.GOES_ON}


def test_silence_alone_is_not_enough_while_the_search_still_finds_words() -> None:
    room = Room().play(1.0, voiced=True, saying="play").play(0.5, voiced=False, saying="play it")
    assert room.first(Verdict.SILENT) is None


def test_in_a_room_that_is_never_silent_the_search_ends_the_command() -> None:
    room = Room().play(1.0, voiced=True, saying="stop").play(1.5, voiced=True)
    paused, ended = room.first(Verdict.PAUSED), room.first(Verdict.BLANK)
    assert paused is not None
    assert ended is not None
    assert 1.7 <= paused < ended <= 2.2


def test_a_much_fainter_voice_cannot_keep_the_command_open() -> None:
    room = Room().play(1.0, voiced=True, saying="stop")
    for number in range(20):
        room.play(0.1, voiced=True, saying=f"stop {number}", level=-36.0)
    paused, ended = room.first(Verdict.PAUSED), room.first(Verdict.FAINT)
    assert paused is not None
    assert ended is not None
    assert 1.7 <= paused < ended <= 2.2


def test_a_slightly_fainter_voice_continues_the_command() -> None:
    room = Room().play(1.0, voiced=True, saying="stop")
    room.play(2.0, voiced=True, saying="stop it", level=-30.0)
    assert {verdict for _, verdict in room.verdicts} <= {Verdict.GOES_ON}


def test_no_word_at_all_ends_without_speech() -> None:
    assert Room().play(4.0, voiced=False).first(Verdict.NO_SPEECH) == 3.0


def test_no_speech_waits_for_someone_who_has_just_begun() -> None:
    room = Room().play(2.9, voiced=False).play(1.0, voiced=True)
    assert room.first(Verdict.NO_SPEECH) is None
    room.play(3.0, voiced=True)
    ended = room.first(Verdict.NO_SPEECH)
    assert ended is not None
    assert 5.0 <= ended <= 5.0 + LOOK_INTERVAL


def test_the_longest_command_is_cut() -> None:
    room = Room()
    for number in range(70):
        room.play(0.1, voiced=True, saying=f"word {number}")
    assert room.first(Verdict.TOO_LONG) == 6.0


def test_waiting_costs_few_looks() -> None:
    assert Room().play(2.9, voiced=False).looks <= 6
    assert Room().play(0.1, voiced=True, saying="a").play(0.35, voiced=False).looks <= 2


@given(st.lists(st.tuples(st.booleans(), st.sampled_from(["", "word"])), max_size=80))
def test_a_final_verdict_always_comes_by_the_longest_command(
    parts: list[tuple[bool, str]],
) -> None:
    room = Room()
    for voiced, saying in parts:
        room.play(0.1, voiced=voiced, saying=saying)
    ends = {Verdict.SILENT, Verdict.BLANK, Verdict.TOO_LONG, Verdict.NO_SPEECH}
    if room.state.seconds > OPTIONS.maximum + 0.2:
        assert any(verdict in ends for _, verdict in room.verdicts)


def test_the_state_is_never_changed_in_place() -> None:
    state = EndpointState()
    EndPointer(OPTIONS).step(state, Voicing(speech=True, level=-20.0))
    assert state == EndpointState()
