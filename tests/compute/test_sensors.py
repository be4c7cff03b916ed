"""What the kernel's files tell the arbiter.

`capped` holds files of a real Linux 6.18, copied before and after two seconds of computing in a
group of processes with a fifth of a core (version 1 of cgroups). The files of sound cards, of
temperatures and of version 2 are written here, in the form that the kernel's documentation gives.
"""

from __future__ import annotations

import math
import shutil
from pathlib import Path

import pytest

from auricle.compute.sensors import Sensors, dry_players
from auricle.compute.system_load import SystemLoad

CAPPED = Path(__file__).parent / "capped"
ZONE = "sys/class/thermal/thermal_zone0"
SOUND = "proc/asound/card0/pcm0p/sub0"


def write(root: Path, files: dict[str, str]) -> None:
    for name, text in files.items():
        path = root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(f"{text}\n", encoding="ascii")


def test_a_machine_that_tells_nothing_asks_for_nothing(tmp_path: Path) -> None:
    machine = Sensors(tmp_path)
    assert [machine.look(1.0), machine.look(2.0)] == [SystemLoad(), SystemLoad()]


def test_pressure_and_throttling_count_since_the_look_before(tmp_path: Path) -> None:
    shutil.copytree(CAPPED / "before", tmp_path, dirs_exist_ok=True)
    machine = Sensors(tmp_path)
    first = machine.look(100.0)
    assert (first.pressure, first.throttled) == (0.0, 0.0)
    shutil.copytree(CAPPED / "after", tmp_path, dirs_exist_ok=True)
    second = machine.look(104.28)
    assert second.pressure == pytest.approx(0.5, abs=0.001)
    assert second.throttled == pytest.approx(21 / 22)
    third = machine.look(105.0)
    assert (third.pressure, third.throttled) == (0.0, 0.0)


def test_the_limit_of_a_slice_above_ours_counts(tmp_path: Path) -> None:
    group = "sys/fs/cgroup/auricle.slice"
    write(
        tmp_path,
        {
            "proc/self/cgroup": "0::/auricle.slice/auricle.service",
            f"{group}/cpu.stat": "usage_usec 900\nnr_periods 10\nnr_throttled 0",
            f"{group}/auricle.service/cpu.stat": "usage_usec 900\nnr_periods 10\nnr_throttled 0",
        },
    )
    machine = Sensors(tmp_path)
    machine.look(1.0)
    write(tmp_path, {f"{group}/cpu.stat": "usage_usec 1900\nnr_periods 20\nnr_throttled 4"})
    assert machine.look(2.0).throttled == pytest.approx(0.4)


def test_this_machine_can_be_looked_at() -> None:
    machine = Sensors()
    machine.look(1.0)
    readings = machine.look(2.0)
    assert 0 <= readings.pressure <= 1
    assert 0 <= readings.throttled <= 1
    assert readings.heat == -math.inf or -200 < readings.heat < 100


def test_heat_is_told_by_its_distance_to_the_limits(tmp_path: Path) -> None:
    write(
        tmp_path,
        {
            f"{ZONE}/temp": "83000",
            f"{ZONE}/trip_point_0_type": "active",
            f"{ZONE}/trip_point_0_temp": "50000",
            f"{ZONE}/trip_point_1_type": "passive",
            f"{ZONE}/trip_point_1_temp": "80000",
            f"{ZONE}/trip_point_2_type": "critical",
            f"{ZONE}/trip_point_2_temp": "110000",
            "sys/class/thermal/thermal_zone1/temp": "20000",
        },
    )
    readings = Sensors(tmp_path).look(1.0)
    assert (readings.heat, readings.alarm) == (3.0, -27.0)


@pytest.mark.parametrize(
    ("bits", "slowed"), [("0", 0.0), ("50000", 0.0), ("50001", 1.0), ("e0008", 1.0), ("4", 2.0)]
)
def test_the_firmware_of_a_raspberry_pi_counts_for_what_it_does_now(
    tmp_path: Path, bits: str, slowed: float
) -> None:
    write(tmp_path, {"sys/devices/platform/soc/soc:firmware/get_throttled": bits})
    assert Sensors(tmp_path).look(1.0).slowed == slowed


def test_a_frequency_that_is_capped_is_a_share_denied(tmp_path: Path) -> None:
    for core, cap in (("0", "1500000"), ("4", "600000")):
        policy = f"sys/devices/system/cpu/cpufreq/policy{core}"
        write(
            tmp_path, {f"{policy}/scaling_max_freq": cap, f"{policy}/cpuinfo_max_freq": "1500000"}
        )
    assert Sensors(tmp_path).look(1.0).capped == pytest.approx(0.6)


@pytest.mark.parametrize(
    ("state", "avail_max", "dry"),
    [
        ("RUNNING", 1024, False),
        ("RUNNING", 4096, True),
        ("XRUN", 0, True),
        ("DRAINING", 4096, False),
    ],
)
def test_a_player_that_has_let_the_buffer_of_the_card_run_empty_is_found(
    tmp_path: Path, state: str, avail_max: int, dry: bool
) -> None:
    write(
        tmp_path,
        {
            f"{SOUND}/status": f"state: {state}\nowner_pid   : 431\ntrigger_time: 78.101\n"
            f"tstamp      : 90.3\ndelay       : 3072\navail       : 1024\n"
            f"avail_max   : {avail_max}\n"
            "-----\nhw_ptr      : 54272\nappl_ptr    : 57344",
            f"{SOUND}/hw_params": "access: MMAP_INTERLEAVED\nformat: S16_LE\nchannels: 2\n"
            "rate: 48000 (48000/1)\nperiod_size: 1024\nbuffer_size: 4096",
            "proc/asound/card0/pcm1p/sub0/status": "closed",
            "proc/asound/card0/pcm0c/sub0/status": "state: XRUN",  # records: not ours to judge
        },
    )
    assert bool(list(dry_players(tmp_path / "proc"))) == dry
    assert Sensors(tmp_path).look(1.0).under_runs == int(dry)
