"""Whether the processor is held back, and whether memory is left.

In: the kernel's files in /sys and /proc. They differ between machines: what is not there is not
judged.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from auricle.compute.sensors import caps, firmware_bits, number_of, text_of, zones
from auricle.diagnosis.finding import Finding, FindingStatus

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
    yield from findings or [Finding("processor", FindingStatus.OK, "nothing seems to hold it back")]


def examine_memory(sys: Path = SYS, proc: Path = PROC) -> Finding:
    """Return whether enough memory is left for the daemon."""
    left = min((*_available(proc), *_left_in_group(sys)), default=None)
    if left is None:
        return Finding("memory", FindingStatus.OK, "the system does not tell how much is left")
    found = f"{left // MEBIBYTE} MiB are left"
    if left >= AMPLE_MEMORY:
        return Finding("memory", FindingStatus.OK, found)
    remedy = "stop other programs, or choose a smaller recognizer.bundle"
    if left >= NEEDED_MEMORY:
        return Finding("memory", FindingStatus.WARNING, f"only {found}", remedy)
    needed = f"the daemon needs about {NEEDED_MEMORY // MEBIBYTE} MiB"
    return Finding("memory", FindingStatus.PROBLEM, f"only {found}, but {needed}", remedy)


def _caps(sys: Path) -> Iterator[Finding]:
    """Yield limits that software has set on the clock frequency."""
    for one in caps(sys):
        yield Finding(
            "processor",
            FindingStatus.WARNING,
            f"core {one.cores} is capped at {one.cap // 1000} of {one.most // 1000} MHz",
            f"write {one.most} to {one.folder / 'scaling_max_freq'}, or cool the device",
        )
    for policy in sorted(sys.glob("devices/system/cpu/cpufreq/policy*")):
        governor = text_of(policy / "scaling_governor")
        if governor == "powersave" and text_of(policy / "scaling_driver") not in SELF_GOVERNED:
            cores = text_of(policy / "affected_cpus") or policy.name.removeprefix("policy")
            yield Finding(
                "processor",
                FindingStatus.WARNING,
                f"core {cores} always runs at its lowest frequency (governor powersave)",
                f"write ondemand or schedutil to {policy / 'scaling_governor'}",
            )


def _quota(sys: Path) -> Iterator[Finding]:
    """Yield the share of the processor that a container leaves us, if less than one core."""
    quota, _, period = (text_of(sys / "fs/cgroup/cpu.max") or "").partition(" ")
    if quota.isdigit() and period.isdigit() and 0 < int(quota) < int(period):
        share = int(quota) / int(period)
        found = f"only {share:.0%} of one core may be used (cpu.max)"
        yield Finding("processor", FindingStatus.WARNING, found, "raise the limit of the container")


def _temperatures(sys: Path) -> Iterator[Finding]:
    """Yield the thermal zones that are near or past the point where they slow the processor."""
    for zone in zones(sys):
        found = (
            f"{zone.name} is at {zone.temperature / 1000:.0f} °C, "
            f"the limit is {zone.slows / 1000:.0f} °C"
        )
        if zone.temperature >= zone.slows:
            remedy = "cool the device: it slows itself down, or is about to stop"
            yield Finding("temperature", FindingStatus.WARNING, found, remedy)
        elif zone.temperature >= zone.slows - NEAR_MILLIDEGREES:
            remedy = "cool the device before it slows itself down"
            yield Finding("temperature", FindingStatus.WARNING, found, remedy)


def _firmware(sys: Path) -> Iterator[Finding]:
    """Yield what a Raspberry Pi's firmware has against running at full speed."""
    bits = firmware_bits(sys)
    for bit, (found, remedy) in FIRMWARE_BITS.items():
        if bits >> bit & 1:
            yield Finding(
                "power", FindingStatus.PROBLEM if bit == 0 else FindingStatus.WARNING, found, remedy
            )
        elif bits >> (bit + EARLIER_BITS) & 1:
            earlier = f"since the start of the device, for a time: {found}"
            yield Finding("power", FindingStatus.WARNING, earlier, remedy)


def _available(proc: Path) -> Iterator[int]:
    """Yield the bytes that programs can still take."""
    for line in (text_of(proc / "meminfo") or "").splitlines():
        name, _, value = line.partition(":")
        if name == "MemAvailable":
            yield int(value.split()[0]) * 1024


def _left_in_group(sys: Path) -> Iterator[int]:
    """Yield the bytes that a container can still take, if it is limited."""
    most, taken = (number_of(sys / f"fs/cgroup/memory.{name}") for name in ("max", "current"))
    if most is not None and taken is not None:
        yield max(0, most - taken)
