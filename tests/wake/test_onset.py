"""Where a wake word began."""

from __future__ import annotations

import pytest

from auricle.wake.onset import LEAD, USUAL, SpeechOnset, SpeechState, estimate_start


def follow(*stretches: tuple[float, float], until: float = 5.0) -> SpeechState:
    """Return the state after speech in these stretches, in seconds."""
    onset = SpeechOnset()
    state = onset.initial_state()
    for frame in range(round(until * 100)):
        begin, end = frame / 100, (frame + 1) / 100
        speech = any(first <= begin + 0.005 < last for first, last in stretches)
        state = onset.step(state, begin, end, speech)
    return state


def test_a_word_after_silence_begins_where_speech_began() -> None:
    assert estimate_start(follow((2.0, 2.6)), 2.6) == pytest.approx(2.0 - LEAD)


def test_a_short_gap_within_the_word_is_bridged() -> None:
    assert estimate_start(follow((2.0, 2.3), (2.5, 2.9)), 2.9) == pytest.approx(2.0 - LEAD)


def test_speech_before_a_longer_gap_was_something_else() -> None:
    assert estimate_start(follow((1.0, 2.0), (2.4, 2.9)), 2.9) == pytest.approx(2.4 - LEAD)


def test_in_the_midst_of_speech_a_usual_length_is_assumed() -> None:
    assert estimate_start(follow((0.0, 4.0)), 4.0) == pytest.approx(4.0 - USUAL)


def test_speech_that_began_too_late_is_not_the_word() -> None:
    assert estimate_start(follow((2.5, 2.6)), 2.6) == pytest.approx(2.6 - USUAL)


def test_without_any_speech_a_usual_length_is_assumed() -> None:
    assert estimate_start(follow(), 3.0) == pytest.approx(3.0 - USUAL)
