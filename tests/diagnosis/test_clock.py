"""The clock of the day: jumps, and whether something keeps it right."""

from __future__ import annotations

import datetime

import pytest

from auricle.diagnosis.clock import TIME_ERROR, ClockWatch, examine_synchronisation
from auricle.diagnosis.finding import FindingStatus

NOW = datetime.datetime(2030, 5, 1, tzinfo=datetime.UTC)


def watch(days: list[float], steady: list[float]) -> ClockWatch:
    return ClockWatch(day=iter(days).__next__, steady=iter(steady).__next__)


def test_a_clock_that_runs_evenly_is_well() -> None:
    assert watch([1000.0, 1003.01], [5.0, 8.0]).conclude().status is FindingStatus.OK


@pytest.mark.parametrize("jump", [3600.0, -0.5])
def test_a_clock_that_is_set_in_the_meantime_is_told(jump: float) -> None:
    found = watch([1000.0, 1003.0 + jump], [5.0, 8.0]).conclude()
    assert found.status is FindingStatus.WARNING
    assert f"jumped by {jump:+.1f} s within 3.0 s" in found.found


@pytest.mark.parametrize(
    ("state", "status"),
    [(0, FindingStatus.OK), (-1, FindingStatus.OK), (TIME_ERROR, FindingStatus.WARNING)],
)
def test_the_kernel_knows_whether_the_clock_is_kept_right(
    state: int, status: FindingStatus
) -> None:
    found = examine_synchronisation(lambda: state, lambda: NOW)
    assert found.status is status
    assert bool(found.remedy) == (status is FindingStatus.WARNING)


def test_a_clock_without_a_battery_is_told() -> None:
    found = examine_synchronisation(lambda: 0, lambda: NOW.replace(year=1970))
    assert found.found == "the clock shows 1970-05-01: it is not set"


def test_the_real_kernel_answers() -> None:
    assert examine_synchronisation().check == "time"
