"""The arbiter, looking at a machine that the test describes."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest

from auricle.compute.budget import ComputeLevel
from auricle.compute.governor import Governor, Pace
from auricle.compute.sensors import Sensors

STALLED = 400_000  # microseconds of each second


class StrainedMachine:
    """Writes what the kernel would, second by second."""

    def __init__(self, root: Path) -> None:
        self.second = 0.0
        self.stalled = 0
        self._file = root / "proc" / "pressure" / "cpu"
        self._file.parent.mkdir(parents=True)

    def pass_second(self, stalled: int) -> None:
        self.second += 1.0
        self.stalled += stalled
        self._file.write_text(f"some avg10=0.00 avg60=0.00 avg300=0.00 total={self.stalled}\n")


@pytest.fixture
def machine(tmp_path: Path) -> StrainedMachine:
    return StrainedMachine(tmp_path)


@pytest.mark.asyncio
async def test_the_level_follows_the_machine_and_each_change_is_told(
    machine: StrainedMachine, tmp_path: Path
) -> None:
    told: list[tuple[ComputeLevel, str]] = []
    compute = Governor(
        "auto",
        lambda level, why: told.append((level, why)),
        Sensors(tmp_path),
        lambda: machine.second,
    )
    for stalled in (0, 0, STALLED, STALLED, STALLED):
        machine.pass_second(stalled)
        await compute.look(Pace)
    assert compute.level is ComputeLevel.SAVER
    for _ in range(3):
        machine.pass_second(STALLED)
        await compute.look(lambda: Pace(lag=2.0))
    for _ in range(60):
        machine.pass_second(0)
        await compute.look(Pace)
    levels = [level.value for level, _ in told]
    assert levels == ["saver", "minimal", "saver", "full"]
    assert [why for _, why in told[:2]] == [
        "programs wait for the processor",
        "recognition is late",
    ]


@pytest.mark.asyncio
async def test_a_level_that_the_owner_has_chosen_holds_whatever_the_machine_says(
    machine: StrainedMachine, tmp_path: Path
) -> None:
    told: list[ComputeLevel] = []
    compute = Governor("auto", lambda level, why: told.append(level), Sensors(tmp_path))
    compute.choose("minimal")
    compute.choose("saver")
    watching = asyncio.ensure_future(compute.watch(Pace))
    await asyncio.sleep(0)
    compute.choose("auto")  # goes on from there
    watching.cancel()
    assert told == [ComputeLevel.MINIMAL, ComputeLevel.SAVER]
    assert compute.level is ComputeLevel.SAVER
