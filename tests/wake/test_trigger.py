"""From probabilities to detections."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from auricle.wake.trigger import Scored, Trigger

TRIGGER = Trigger(cutoff=0.8, window=3, refractory=10)


def run(trigger: Trigger, probabilities: list[float]) -> list[Scored]:
    state = trigger.initial_state()
    results = []
    for probability in probabilities:
        state, scored = trigger.step(state, probability)
        results.append(scored)
    return results


def fired(trigger: Trigger, probabilities: list[float]) -> list[int]:
    return [step for step, scored in enumerate(run(trigger, probabilities)) if scored.fired]


def test_the_score_is_the_mean_of_a_full_window() -> None:
    scores = [scored.score for scored in run(TRIGGER, [0.3, 0.6, 0.9, 0.0])]
    assert scores == pytest.approx([0, 0, 0.6, 0.5])


def test_a_word_fires_once_the_mean_reaches_the_cutoff() -> None:
    assert fired(TRIGGER, [0, 0, 0, 0.9, 0.9, 0.9, 0.9, 0.9, 0]) == [5]


def test_a_single_high_probability_fires_nothing() -> None:
    assert fired(TRIGGER, [0, 0, 0, 1, 0, 0, 0, 1, 1, 0]) == []


def test_nothing_fires_again_before_the_refractory_time_is_over() -> None:
    again = [1.0] * 4 + [0.0] * 3
    assert fired(TRIGGER, again * 4) == [2, 16]


def test_a_score_that_stays_high_fires_only_once() -> None:
    assert fired(TRIGGER, [1.0] * 60) == [2]
    assert fired(TRIGGER, [1.0] * 60 + [0.0] + [1.0] * 5) == [2, 63]


def test_the_rise_of_the_probability_is_found() -> None:
    results = run(TRIGGER, [0.1, 0.2, 0.6, 0.9, 1.0, 1.0])
    assert [scored.risen for scored in results] == [0, 0, 0, 1, 2, 3]


def test_after_steps_without_probability_the_window_fills_anew() -> None:
    state = TRIGGER.initial_state()
    for probability in (1.0, 1.0, 1.0):
        state, scored = TRIGGER.step(state, probability)
    assert scored.fired
    assert TRIGGER.skip(state, 0) is state
    state = TRIGGER.skip(state, 10)
    heard = []
    for probability in (1.0, 1.0, 1.0):
        state, scored = TRIGGER.step(state, probability)
        heard.append((scored.score, scored.fired))
    assert heard == [(0, False), (0, False), (1, True)]


@given(st.lists(st.floats(0, 1), max_size=80))
def test_firings_are_always_above_the_cutoff_and_apart(probabilities: list[float]) -> None:
    results = run(TRIGGER, probabilities)
    steps = [step for step, scored in enumerate(results) if scored.fired]
    assert all(results[step].score >= TRIGGER.cutoff for step in steps)
    assert all(
        later - step > TRIGGER.refractory for step, later in zip(steps, steps[1:], strict=False)
    )
