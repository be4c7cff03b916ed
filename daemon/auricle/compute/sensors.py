"""Reads the system load from the kernel's files; other modules interpret it.

In: files in /proc and /sys, which the sandbox of the systemd unit allows. Files that a machine does
not have are skipped. Out: raw numbers (for `auricle doctor`), and with `Sensors` the system load
since the previous measurement (for the governor).

Pressure: see Documentation/accounting/psi.rst of Linux; Raspberry Pi kernels need `psi=1` on their
command line. Under-runs: /proc/asound shows the largest free space in the buffer of a playback
stream since the last read.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from auricle.compute.system_load import SystemLoad

ROOT = Path("/")
SLOWING = ("passive", "hot", "critical")  # trip points at which the processor slows down or stops
ALARMING = ("hot", "critical")
FIRMWARE_CAPPED = 0b1011  # get_throttled: under-voltage, frequency cap, soft temperature limit
FIRMWARE_THROTTLED = 0b0100


@dataclass(frozen=True, slots=True)
class Cap:
    """A software limit on the clock frequency of some cores."""

    folder: Path
    cores: str
    cap: int  # kHz
    most: int  # kHz, maximum of the hardware


@dataclass(frozen=True, slots=True)
class Zone:
    """A thermal zone and its limits, in thousandths of a degree Celsius."""

    name: str
    temperature: int
    slows: int  # the processor slows down from this temperature on
    alarms: int | None  # the machine protects itself from this temperature on


@dataclass(frozen=True, slots=True)
class _Quota:
    """Counters of a control group's CPU limit since its creation."""

    periods: int
    throttled: int


class Sensors:
    """Measures the system load; one measurement takes well below a millisecond of CPU time."""

    def __init__(self, root: Path = ROOT) -> None:
        """Read the kernel's files below `root`."""
        self._root = root
        self._proc, self._sys = root / "proc", root / "sys"
        self._looked: float | None = None
        self._stalled: int | None = None
        self._quotas: dict[Path, _Quota] = {}

    def look(self, now: float) -> SystemLoad:
        """Return the system load; shares are of the time since the previous call.

        Args:
            now: monotonic seconds.
        """
        found = zones(self._sys)
        firmware = firmware_bits(self._sys)
        return SystemLoad(
            pressure=self._pressure(now),
            throttled=self._throttled(),
            heat=_most_above(found, "slows"),
            alarm=_most_above(found, "alarms"),
            slowed=2.0 if firmware & FIRMWARE_THROTTLED else float(firmware & FIRMWARE_CAPPED > 0),
            capped=max((1 - one.cap / one.most for one in caps(self._sys)), default=0.0),
            under_runs=sum(1 for _ in dry_players(self._proc)),
        )

    def _pressure(self, now: float) -> float:
        """Return the share of time in which at least one task waited for the processor."""
        stalled, before, looked = stalled_microseconds(self._proc), self._stalled, self._looked
        self._stalled, self._looked = stalled, now
        if stalled is None or before is None or looked is None or now <= looked:
            return 0.0
        return min(1.0, max(0.0, (stalled - before) / 1e6 / (now - looked)))

    def _throttled(self) -> float:
        """Return the share of throttled CPU periods, the maximum over our control groups."""
        before, self._quotas = self._quotas, dict(_quotas(self._root))
        return max(
            (
                (quota.throttled - earlier.throttled) / (quota.periods - earlier.periods)
                for group, quota in self._quotas.items()
                if (earlier := before.get(group)) and quota.periods > earlier.periods
            ),
            default=0.0,
        )


def stalled_microseconds(proc: Path) -> int | None:
    """Return how long at least one task has waited for the processor, since boot."""
    for line in (text_of(proc / "pressure" / "cpu") or "").splitlines():
        kind, *fields = line.split()
        if kind == "some":
            values = dict(field.partition("=")[::2] for field in fields)
            return int(values["total"]) if values.get("total", "").isdigit() else None
    return None


def caps(sys: Path) -> Iterator[Cap]:
    """Yield the software limits on clock frequencies."""
    for policy in sorted(sys.glob("devices/system/cpu/cpufreq/policy*")):
        cap, most = number_of(policy / "scaling_max_freq"), number_of(policy / "cpuinfo_max_freq")
        if cap is not None and most is not None and cap < most:
            cores = text_of(policy / "affected_cpus") or policy.name.removeprefix("policy")
            yield Cap(policy, cores, cap, most)


def zones(sys: Path) -> list[Zone]:
    """Return the thermal zones that have limits."""
    found = []
    for folder in sorted(sys.glob("class/thermal/thermal_zone*")):
        temperature = number_of(folder / "temp")
        trips = list(_trips(folder))
        slows = min((limit for kind, limit in trips if kind in SLOWING), default=None)
        alarms = min((limit for kind, limit in trips if kind in ALARMING), default=None)
        if temperature is not None and slows is not None:
            name = text_of(folder / "type") or folder.name
            found.append(Zone(name, temperature, slows, alarms))
    return found


def firmware_bits(sys: Path) -> int:
    """Return the `get_throttled` bits of a Raspberry Pi's firmware; 0 on other machines."""
    text = text_of(sys / "devices/platform/soc/soc:firmware/get_throttled")
    try:
        return int(text or "0", 16)
    except ValueError:
        return 0


def dry_players(proc: Path) -> Iterator[Path]:
    """Yield the playback streams whose buffer ran empty since the previous call.

    The kernel resets `avail_max` at each read. A stream that drains because its player has finished
    does not count.
    """
    for status in sorted(proc.glob("asound/card*/pcm*p/sub*/status")):
        fields = _colon_fields(status)
        state = fields.get("state", "")
        if state == "XRUN":
            yield status.parent
        elif state == "RUNNING":
            size = _colon_fields(status.with_name("hw_params")).get("buffer_size", "")
            room = fields.get("avail_max", "")
            if size.isdigit() and room.isdigit() and int(room) >= int(size) > 0:
                yield status.parent


def number_of(file: Path) -> int | None:
    """Return the number in a kernel file; None if it has no number."""
    try:
        return int(text_of(file) or "")
    except ValueError:
        return None


def text_of(file: Path) -> str | None:
    """Return the text of a kernel file; None: it cannot be read."""
    try:
        return file.read_text(encoding="ascii", errors="replace").strip()
    except OSError:
        return None


def _trips(zone: Path) -> Iterator[tuple[str, int]]:
    for kind in sorted(zone.glob("trip_point_*_type")):
        limit = number_of(kind.with_name(kind.name.replace("_type", "_temp")))
        if limit is not None and limit > 0:
            yield text_of(kind) or "", limit


def _most_above(found: list[Zone], limit: str) -> float:
    """Return the largest difference between a zone's temperature and its limit, in kelvin."""
    above = [zone.temperature - getattr(zone, limit) for zone in found if getattr(zone, limit)]
    return max(above) / 1000 if above else -math.inf


def _colon_fields(file: Path) -> dict[str, str]:
    lines = (text_of(file) or "").splitlines()
    return {name.strip(): value.strip() for name, _, value in (one.partition(":") for one in lines)}


def _quotas(root: Path) -> Iterator[tuple[Path, _Quota]]:
    """Yield the control groups of this process with their counters, innermost first."""
    for line in (text_of(root / "proc/self/cgroup") or "").splitlines():
        _, controllers, path = line.split(":", 2)
        if controllers and "cpu" not in controllers.split(","):
            continue
        for folder in _mounts(root, unified=not controllers):
            group = folder / path.strip("/")
            while group != folder.parent:
                quota = _quota_of(group)
                if quota is not None:
                    yield group, quota
                group = group.parent


def _mounts(root: Path, *, unified: bool) -> tuple[Path, ...]:
    """Return the possible mount points of a control-group hierarchy."""
    groups = root / "sys/fs/cgroup"
    return (groups, groups / "unified") if unified else (groups / "cpu,cpuacct", groups / "cpu")


def _quota_of(group: Path) -> _Quota | None:
    fields = dict(
        line.split(maxsplit=1)
        for line in (text_of(group / "cpu.stat") or "").splitlines()
        if " " in line
    )
    periods, throttled = fields.get("nr_periods", ""), fields.get("nr_throttled", "")
    if not periods.isdigit() or not throttled.isdigit():
        return None
    return _Quota(int(periods), int(throttled))
