"""Checks whether something slows the processor down, and whether enough memory is available.

In: the kernel's files in /sys and /proc. Files that a machine does not have are skipped.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from auricle.compute.sensors import caps, firmware_bits, number_of, text_of, zones
from auricle.diagnosis.finding import Finding, FindingStatus

SYS = Path("/sys")
PROC = Path("/proc")

# Bits of get_throttled of the Raspberry Pi firmware: the condition holds now; the bit 16 positions
# higher: it has occurred since boot.
FIRMWARE_BITS = {
    0: ("the supply voltage is too low", "use the power supply and cable made for the device"),
    1: ("the clock frequency is capped", "cool the device, and check its power supply"),
    2: ("the processor is throttled", "cool the device, and check its power supply"),
    3: ("the processor has reached its soft temperature limit", "cool the device"),
}
EARLIER_BITS = 16
SELF_GOVERNED = ("intel_pstate", "amd-pstate", "amd-pstate-epp")  # drivers with normal "powersave"
NEAR_MILLIDEGREES = 5_000  # a zone this close to its limit reaches it under load
MEBIBYTE = 1024 * 1024
NEEDED_MEMORY = 100 * MEBIBYTE  # memory of the daemon with the shipped models
AMPLE_MEMORY = 250 * MEBIBYTE


def examine_processor(sys: Path = SYS) -> Iterator[Finding]:
    """Yield a finding for everything that slows the processor down, or one OK finding."""
    findings = [*_caps(sys), *_quota(sys), *_temperatures(sys), *_firmware(sys)]
    yield from findings or [Finding("processor", FindingStatus.OK, "it runs at full speed")]


def examine_memory(sys: Path = SYS, proc: Path = PROC) -> Finding:
    """Return a finding that says whether enough memory is available for the daemon."""
    left = min((*_available(proc), *_left_in_group(sys)), default=None)
    if left is None:
        return Finding("memory", FindingStatus.OK, "the system does not report available memory")
    found = f"{left // MEBIBYTE} MiB are available"
    if left >= AMPLE_MEMORY:
        return Finding("memory", FindingStatus.OK, found)
    remedy = "stop other programs, or choose a smaller recognizer.bundle"
    if left >= NEEDED_MEMORY:
        return Finding("memory", FindingStatus.WARNING, f"only {found}", remedy)
    needed = f"the daemon needs about {NEEDED_MEMORY // MEBIBYTE} MiB"
    return Finding("memory", FindingStatus.PROBLEM, f"only {found}, but {needed}", remedy)


def _caps(sys: Path) -> Iterator[Finding]:
    """Yield software limits on the clock frequency."""
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
    """Yield the CPU limit of a container if it is below one core."""
    quota, _, period = (text_of(sys / "fs/cgroup/cpu.max") or "").partition(" ")
    if quota.isdigit() and period.isdigit() and 0 < int(quota) < int(period):
        share = int(quota) / int(period)
        found = f"the CPU limit is {share:.0%} of one core (cpu.max)"
        yield Finding("processor", FindingStatus.WARNING, found, "raise the limit of the container")


def _temperatures(sys: Path) -> Iterator[Finding]:
    """Yield the thermal zones near or above the temperature at which the processor slows down."""
    for zone in zones(sys):
        found = (
            f"{zone.name} is at {zone.temperature / 1000:.0f} °C, "
            f"the limit is {zone.slows / 1000:.0f} °C"
        )
        if zone.temperature >= zone.slows:
            remedy = "cool the device: it slows down, or is about to stop"
            yield Finding("temperature", FindingStatus.WARNING, found, remedy)
        elif zone.temperature >= zone.slows - NEAR_MILLIDEGREES:
            remedy = "cool the device before it slows down"
            yield Finding("temperature", FindingStatus.WARNING, found, remedy)


def _firmware(sys: Path) -> Iterator[Finding]:
    """Yield the power and temperature conditions that a Raspberry Pi's firmware reports."""
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
    """Yield the available memory of the system, in bytes."""
    for line in (text_of(proc / "meminfo") or "").splitlines():
        name, _, value = line.partition(":")
        if name == "MemAvailable":
            yield int(value.split()[0]) * 1024


def _left_in_group(sys: Path) -> Iterator[int]:
    """Yield the available memory of a container with a memory limit, in bytes."""
    most, taken = (number_of(sys / f"fs/cgroup/memory.{name}") for name in ("max", "current"))
    if most is not None and taken is not None:
        yield max(0, most - taken)
