"""What a process uses, read from /proc: memory, file descriptors, threads, processor time."""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path

TICKS = os.sysconf("SC_CLK_TCK")


@dataclass(frozen=True, slots=True)
class ProcessCost:
    """The use of a process at one moment."""

    rss: float  # MB (10^6 bytes), resident
    pss: float  # MB, shared pages counted by share
    peak: float  # MB, the highest resident size so far
    descriptors: int
    threads: int
    cpu_seconds: float


def process_cost(pid: int) -> ProcessCost:
    """Return what a process uses; raises FileNotFoundError or ProcessLookupError if it is gone."""
    folder = Path(f"/proc/{pid}")
    fields = (folder / "stat").read_text().rpartition(")")[2].split()
    return ProcessCost(
        rss=_megabytes(folder / "status", "VmRSS"),
        pss=_megabytes(folder / "smaps_rollup", "Pss"),
        peak=_megabytes(folder / "status", "VmHWM"),
        descriptors=len(os.listdir(folder / "fd")),
        threads=len(os.listdir(folder / "task")),
        cpu_seconds=(int(fields[11]) + int(fields[12])) / TICKS,
    )


def _megabytes(path: Path, name: str) -> float:
    """Return the field `NAME: KIB kB` of a file of /proc."""
    for line in path.read_text().splitlines():
        field, _, value = line.partition(":")
        if field == name:
            return int(value.split()[0]) * 1024 / 1e6
    raise ProcessLookupError(f"{path} has no {name}; the process has ended")
