"""Whether the processor is held back, and whether memory is left.

In: the kernel's files in /sys and /proc. They differ between machines: what is not there is not
judged.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from auricle.diagnosis.finding import Finding, Status

SYS = Path("/sys")
PROC = Path("/proc")

# Of the Raspberry Pi's firmware (get_throttled): each bit says now, 16 bits higher since the start.
FIRMWARE_BITS = {
    0: ("the supply voltage is too low", "use a power supply and a cable made for the device"),
    1: ("the clock frequency is capped", "cool the device, and check its power supply"),
    2: ("the processor is throttled", "cool the device, and check its power supply"),
    3: ("the processor has reached its soft temperature limit", "cool the device"),
}
EARLIER_BITS = 16
SELF_GOVERNED = ("intel_pstate", "amd-pstate", "amd-pstate-epp")  # "powersave" is normal there
NEAR_MILLIDEGREES = 5_000  # so close to the limit it will be reached in use
MEBIBYTE = 1024 * 1024
NEEDED_MEMORY = 100 * MEBIBYTE  # what the daemon takes with the shipped models
AMPLE_MEMORY = 250 * MEBIBYTE


def examine_processor(sys: Path = SYS) -> Iterator[Finding]:
    """Yield all that holds the processor back, or that nothing does."""
    findings = [*_caps(sys), *_quota(sys), *_temperatures(sys), *_firmware(sys)]
    yield from findings or [Finding("processor", Status.OK, "nothing seems to hold it back")]


def examine_memory(sys: Path = SYS, proc: Path = PROC) -> Finding:
    """Return whether enough memory is left for the daemon."""
    left = min((*_available(proc), *_left_in_group(sys)), default=None)
    if left is None:
        return Finding("memory", Status.OK, "the system does not tell how much is left")
    found = f"{left // MEBIBYTE} MiB are left"
    if left >= AMPLE_MEMORY:
        return Finding("memory", Status.OK, found)
    remedy = "stop other programs, or choose a smaller recognizer.bundle"
    if left >= NEEDED_MEMORY:
        return Finding("memory", Status.WARNING, f"only {found}", remedy)
    needed = f"the daemon needs about {NEEDED_MEMORY // MEBIBYTE} MiB"
    return Finding("memory", Status.PROBLEM, f"only {found}, but {needed}", remedy)


def _caps(sys: Path) -> Iterator[Finding]:
    """Yield limits that software has set on the clock frequency."""
    for policy in sorted(sys.glob("devices/system/cpu/cpufreq/policy*")):
        cores = _text(policy / "affected_cpus") or policy.name.removeprefix("policy")
        cap, most = _number(policy / "scaling_max_freq"), _number(policy / "cpuinfo_max_freq")
        if cap is not None and most is not None and cap < most:
            yield Finding(
                "processor",
                Status.WARNING,
                f"core {cores} is capped at {cap // 1000} of {most // 1000} MHz",
                f"write {most} to {policy / 'scaling_max_freq'}, or cool the device",
            )
        governor = _text(policy / "scaling_governor")
        if governor == "powersave" and _text(policy / "scaling_driver") not in SELF_GOVERNED:
            yield Finding(
                "processor",
                Status.WARNING,
                f"core {cores} always runs at its lowest frequency (governor powersave)",
                f"write ondemand or schedutil to {policy / 'scaling_governor'}",
            )


def _quota(sys: Path) -> Iterator[Finding]:
    """Yield the share of the processor that a container leaves us, if less than one core."""
    quota, _, period = (_text(sys / "fs/cgroup/cpu.max") or "").partition(" ")
    if quota.isdigit() and period.isdigit() and 0 < int(quota) < int(period):
        share = int(quota) / int(period)
        found = f"only {share:.0%} of one core may be used (cpu.max)"
        yield Finding("processor", Status.WARNING, found, "raise the limit of the container")


def _temperatures(sys: Path) -> Iterator[Finding]:
    """Yield the thermal zones that are near or past the point where they slow the processor."""
    for zone in sorted(sys.glob("class/thermal/thermal_zone*")):
        temperature = _number(zone / "temp")
        limits = [
            limit
            for kind in zone.glob("trip_point_*_type")
            if _text(kind) in ("passive", "hot", "critical")
            and (limit := _number(kind.with_name(kind.name.replace("_type", "_temp")))) is not None
            and limit > 0
        ]
        if temperature is None or not limits:
            continue
        name, limit = _text(zone / "type") or zone.name, min(limits)
        found = f"{name} is at {temperature / 1000:.0f} °C, the limit is {limit / 1000:.0f} °C"
        if temperature >= limit:
            remedy = "cool the device: it slows itself down, or is about to stop"
            yield Finding("temperature", Status.WARNING, found, remedy)
        elif temperature >= limit - NEAR_MILLIDEGREES:
            remedy = "cool the device before it slows itself down"
            yield Finding("temperature", Status.WARNING, found, remedy)


def _firmware(sys: Path) -> Iterator[Finding]:
    """Yield what a Raspberry Pi's firmware has against running at full speed."""
    text = _text(sys / "devices/platform/soc/soc:firmware/get_throttled")
    try:
        bits = int(text or "0", 16)
    except ValueError:
        return
    for bit, (found, remedy) in FIRMWARE_BITS.items():
        if bits >> bit & 1:
            yield Finding("power", Status.PROBLEM if bit == 0 else Status.WARNING, found, remedy)
        elif bits >> (bit + EARLIER_BITS) & 1:
            earlier = f"since the start of the device, for a time: {found}"
            yield Finding("power", Status.WARNING, earlier, remedy)


def _available(proc: Path) -> Iterator[int]:
    """Yield the bytes that programs can still take."""
    for line in (_text(proc / "meminfo") or "").splitlines():
        name, _, value = line.partition(":")
        if name == "MemAvailable":
            yield int(value.split()[0]) * 1024


def _left_in_group(sys: Path) -> Iterator[int]:
    """Yield the bytes that a container can still take, if it is limited."""
    most, taken = (_number(sys / f"fs/cgroup/memory.{name}") for name in ("max", "current"))
    if most is not None and taken is not None:
        yield max(0, most - taken)


def _number(file: Path) -> int | None:
    """Return the number in a file; None where there is none."""
    try:
        return int(_text(file) or "")
    except ValueError:
        return None


def _text(file: Path) -> str | None:
    """Return the text of a file of the kernel; None where it cannot be read."""
    try:
        return file.read_text(encoding="ascii", errors="replace").strip()
    except OSError:
        return None
