"""What holds the processor back, and how much memory is left, by the kernel's files."""

from __future__ import annotations

from pathlib import Path

import pytest

from auricle.diagnosis.finding import FindingStatus
from auricle.diagnosis.machine import examine_memory, examine_processor


def write(folder: Path, files: dict[str, str]) -> None:
    for name, text in files.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(f"{text}\n", encoding="ascii")


def test_a_machine_that_tells_nothing_is_well(tmp_path: Path) -> None:
    assert [one.status for one in examine_processor(tmp_path)] == [FindingStatus.OK]
    assert examine_memory(tmp_path, tmp_path).status is FindingStatus.OK


def test_a_cool_machine_at_full_speed_is_well(tmp_path: Path) -> None:
    write(
        tmp_path,
        {
            "devices/system/cpu/cpufreq/policy0/scaling_max_freq": "1500000",
            "devices/system/cpu/cpufreq/policy0/cpuinfo_max_freq": "1500000",
            "devices/system/cpu/cpufreq/policy0/scaling_governor": "ondemand",
            "fs/cgroup/cpu.max": "max 100000",
            "class/thermal/thermal_zone0/temp": "45000",
            "class/thermal/thermal_zone0/trip_point_0_type": "active",
            "class/thermal/thermal_zone0/trip_point_0_temp": "40000",
            "class/thermal/thermal_zone0/trip_point_1_type": "critical",
            "class/thermal/thermal_zone0/trip_point_1_temp": "85000",
            "class/thermal/thermal_zone1/temp": "-273000",
            "devices/platform/soc/soc:firmware/get_throttled": "0",
        },
    )
    assert [one.status for one in examine_processor(tmp_path)] == [FindingStatus.OK]


def test_a_capped_frequency_is_told_with_the_cap(tmp_path: Path) -> None:
    policy = "devices/system/cpu/cpufreq/policy0"
    write(
        tmp_path,
        {
            f"{policy}/scaling_max_freq": "600000",
            f"{policy}/cpuinfo_max_freq": "1500000",
            f"{policy}/affected_cpus": "0 1 2 3",
        },
    )
    (found,) = examine_processor(tmp_path)
    assert found.status is FindingStatus.WARNING
    assert found.found == "core 0 1 2 3 is capped at 600 of 1500 MHz"
    assert f"write 1500000 to {tmp_path / policy}/scaling_max_freq" in found.remedy


@pytest.mark.parametrize(("driver", "warned"), [("cpufreq-dt", True), ("intel_pstate", False)])
def test_the_governor_powersave_slows_some_drivers(
    tmp_path: Path, driver: str, warned: bool
) -> None:
    policy = "devices/system/cpu/cpufreq/policy0"
    write(tmp_path, {f"{policy}/scaling_governor": "powersave", f"{policy}/scaling_driver": driver})
    (found,) = examine_processor(tmp_path)
    assert (found.status is FindingStatus.WARNING) == warned


@pytest.mark.parametrize(("temperature", "words"), [(81000, "before"), (86000, "slows down")])
def test_a_hot_machine_is_told_before_and_after_it_slows_down(
    tmp_path: Path, temperature: int, words: str
) -> None:
    zone = "class/thermal/thermal_zone0"
    write(
        tmp_path,
        {
            f"{zone}/temp": str(temperature),
            f"{zone}/type": "cpu-thermal",
            f"{zone}/trip_point_0_type": "passive",
            f"{zone}/trip_point_0_temp": "85000",
        },
    )
    (found,) = examine_processor(tmp_path)
    assert found.status is FindingStatus.WARNING
    assert f"cpu-thermal is at {temperature // 1000} °C" in found.found
    assert words in found.remedy


def test_the_firmware_of_a_raspberry_pi_is_believed(tmp_path: Path) -> None:
    write(tmp_path, {"devices/platform/soc/soc:firmware/get_throttled": "50005"})
    found = list(examine_processor(tmp_path))
    assert [(one.status, one.found) for one in found] == [
        (FindingStatus.PROBLEM, "the supply voltage is too low"),
        (FindingStatus.WARNING, "the processor is throttled"),
    ]
    write(tmp_path, {"devices/platform/soc/soc:firmware/get_throttled": "10000"})
    (earlier,) = examine_processor(tmp_path)
    assert earlier.status is FindingStatus.WARNING
    assert earlier.found.startswith("since the start of the device")


def test_a_share_of_a_core_is_told(tmp_path: Path) -> None:
    write(tmp_path, {"fs/cgroup/cpu.max": "40000 100000"})
    (found,) = examine_processor(tmp_path)
    assert "40% of one core" in found.found


@pytest.mark.parametrize(
    ("available", "status"),
    [
        (4_000_000, FindingStatus.OK),
        (200_000, FindingStatus.WARNING),
        (50_000, FindingStatus.PROBLEM),
    ],
)
def test_memory_is_judged_by_what_is_left(
    tmp_path: Path, available: int, status: FindingStatus
) -> None:
    write(tmp_path, {"meminfo": f"MemTotal: 8000000 kB\nMemAvailable: {available} kB"})
    found = examine_memory(tmp_path, tmp_path)
    assert found.status is status
    assert f"{available // 1024} MiB" in found.found


def test_the_limit_of_a_container_counts_too(tmp_path: Path) -> None:
    write(
        tmp_path,
        {
            "meminfo": "MemAvailable: 4000000 kB",
            "fs/cgroup/memory.max": str(200 * 1024 * 1024),
            "fs/cgroup/memory.current": str(150 * 1024 * 1024),
        },
    )
    assert "only 50 MiB" in examine_memory(tmp_path, tmp_path).found
