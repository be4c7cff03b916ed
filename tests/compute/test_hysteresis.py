"""The level that holds: down soon, up late, never to and fro."""

from __future__ import annotations

from dataclasses import fields, replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from auricle.compute.budget import LADDER, Budget, ComputeLevel, budget_at
from auricle.compute.hysteresis import (
    CALM_SECONDS,
    FALL_SECONDS,
    MOST_CALM_SECONDS,
    SETTLE_SECONDS,
    LadderState,
    step,
)
from auricle.compute.system_load import THRESHOLDS, SystemLoad

CALM = SystemLoad()
STRAINED = SystemLoad(pressure=0.5)
SHARES = st.floats(0, 1)
READINGS = st.builds(
    SystemLoad,
    pressure=SHARES,
    throttled=SHARES,
    heat=st.floats(-60, 10),
    alarm=st.floats(-60, 10),
    slowed=st.sampled_from([0.0, 1.0, 2.0]),
    capped=SHARES,
    lag=st.floats(0, 3),
    load=st.floats(0, 3),
    under_runs=st.integers(0, 2),
)
PATHS = st.lists(READINGS, max_size=40)


def follow(path: list[SystemLoad], state: LadderState | None = None) -> list[LadderState]:
    """Return the states after looks a second apart."""
    states = [state or LadderState()]
    for second, readings in enumerate(path):
        states.append(step(states[-1], readings, float(second)))
    return states


def levels(path: list[SystemLoad]) -> list[ComputeLevel]:
    return [state.level for state in follow(path)]


def changes(path: list[SystemLoad]) -> int:
    found = levels(path)
    return sum(before is not after for before, after in zip(found, found[1:], strict=False))


def test_a_strain_that_lasts_lowers_the_level_and_a_short_one_does_not() -> None:
    lasting = int(FALL_SECONDS) + 1
    assert levels([STRAINED] * lasting)[-1] is ComputeLevel.SAVER
    assert levels([STRAINED, CALM] * 20)[-1] is ComputeLevel.FULL


def test_a_great_strain_lowers_it_to_the_bottom_at_once() -> None:
    path = [SystemLoad(lag=2.0)] * (int(FALL_SECONDS) + 1)
    assert levels(path)[-1] is ComputeLevel.MINIMAL
    assert ComputeLevel.SAVER not in levels(path)


def test_an_under_run_lowers_it_at_once_and_no_other_does_until_that_has_had_time() -> None:
    dry = SystemLoad(under_runs=1)
    path = [dry] * int(SETTLE_SECONDS + 1)
    assert levels(path[:1])[-1] is ComputeLevel.SAVER
    assert levels(path[:-1])[-1] is ComputeLevel.SAVER
    assert levels(path)[-1] is ComputeLevel.MINIMAL


def test_what_asks_for_less_is_told() -> None:
    assert "wait for the processor" in follow([STRAINED] * 3)[-1].cause


@pytest.mark.parametrize("name", THRESHOLDS)
def test_a_level_is_left_below_where_it_was_entered(name: str) -> None:
    thresholds = THRESHOLDS[name]
    assert thresholds.saver.leave <= thresholds.saver.enter <= thresholds.minimal.enter
    assert thresholds.minimal.leave <= thresholds.minimal.enter
    assert thresholds.saver.leave <= thresholds.minimal.leave


@given(READINGS)
def test_where_nothing_changes_the_level_settles(readings: SystemLoad) -> None:
    found = levels([replace(readings, under_runs=0)] * 120)
    assert found == sorted(found, key=lambda level: -level.cost)


@given(st.floats(0, 1), st.floats(0, 0.14))
def test_a_reading_that_trembles_within_the_gap_switches_once(at: float, tremble: float) -> None:
    # The gap of pressure is 0.15 wide: from 0.15 to 0.30.
    low, high = SystemLoad(pressure=min(at, 1 - tremble)), SystemLoad(pressure=min(at + tremble, 1))
    slow = [low] * 30 + [high] * 30
    assert changes(slow * 5) <= 2


def test_a_load_that_the_full_level_brings_back_each_time_is_tried_ever_less_often() -> None:
    state = LadderState()
    rises = []
    for second in range(3600):
        loaded = state.level is ComputeLevel.FULL
        before, state = state.level, step(state, STRAINED if loaded else CALM, float(second))
        if state.level.cost > before.cost:
            rises.append(second)
    gaps = [after - before for before, after in zip(rises, rises[1:], strict=False)]
    assert gaps[0] >= CALM_SECONDS
    assert gaps[-1] >= MOST_CALM_SECONDS
    assert len(rises) < 20


@given(PATHS, READINGS, st.data())
def test_a_machine_that_is_strained_more_gets_no_higher_level(
    path: list[SystemLoad], readings: SystemLoad, data: st.DataObject
) -> None:
    state = follow(path)[-1]
    name = data.draw(st.sampled_from([field.name for field in fields(SystemLoad)]))
    more = replace(readings, **{name: getattr(readings, name) + data.draw(st.integers(0, 3))})
    now = float(len(path)) + data.draw(st.integers(0, 400))
    assert step(state, more, now).level.cost <= step(state, readings, now).level.cost


@given(PATHS)
def test_in_the_end_a_calm_machine_is_back_at_the_full_level(path: list[SystemLoad]) -> None:
    state = follow(path)[-1]
    for second in range(len(path), len(path) + round(2 * MOST_CALM_SECONDS) + 21, 10):
        state = step(state, CALM, float(second))
    assert state.level is ComputeLevel.FULL


@given(PATHS)
def test_it_rises_by_one_step_and_never_soon_after_another(path: list[SystemLoad]) -> None:
    path = [reading for one in path for reading in (one,) * 7 + (CALM,) * 23]
    rose = None
    found = follow(path)
    for second, (before, after) in enumerate(zip(found, found[1:], strict=False)):
        if after.level.cost > before.level.cost:
            assert after.level.cost == before.level.cost + 1
            assert rose is None or second - rose >= CALM_SECONDS
            rose = second


@given(
    st.builds(
        Budget,
        threads=st.integers(1, 8),
        beam=st.integers(1, 32),
        second_pass=st.sampled_from(["off", "rescore", "full"]),
    )
)
def test_a_lower_level_never_costs_more(budget: Budget) -> None:
    spent = [budget_at(level, budget) for level in LADDER]
    assert spent[-1] == budget
    cheapest_first = ("off", "rescore", "full")
    for lower, higher in zip(spent, spent[1:], strict=False):
        assert lower.threads <= higher.threads
        assert lower.beam <= higher.beam
        assert lower.second_beam <= higher.second_beam
        assert cheapest_first.index(lower.second_pass) <= cheapest_first.index(higher.second_pass)
