"""Simulates a slow device: limits a group of processes to a share of one core. Needs root.

The limit is a cgroup quota (`cpu.max`, or `cpu.cfs_quota_us` with cgroups version 1). All processes
run on the same core, so that CPU weights between parts of the group have the same effect as on the
device. The period is short, so that the group runs slowly rather than in bursts.
"""

from __future__ import annotations

import contextlib
import os
import secrets
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Self

from testbed.errors import StageError
from testbed.patience import patience

PERIOD = 20_000  # microseconds
PLAIN_WEIGHT = 100  # systemd's default CPUWeight
PLAIN_SHARES = 1024  # the same in cgroups version 1
MOST_WEIGHT = 10_000  # weight of the group: gives it priority over other processes
MOST_SHARES = 262_144  # the same in cgroups version 1
END_SECONDS = 5.0
ROOT = Path("/sys/fs/cgroup")


class CappedGroup:
    """Exists during its `with` block; processes started inside `joined` stay in it."""

    def __init__(self, percent: float, core: int = 0) -> None:
        """Choose the core and the percentage of it that the group may use."""
        self._percent = percent
        self._core = core
        self._unified = next((root for root in (ROOT, ROOT / "unified") if _has_cpu(root)), None)
        self._folder = (self._unified or ROOT / "cpu") / f"auricle-testbed-{secrets.token_hex(3)}"

    def __enter__(self) -> Self:
        """Create the group; raises StageError if that is impossible."""
        quota = round(PERIOD * self._percent / 100)
        try:
            self._folder.mkdir()
            if self._unified is not None:
                _write(self._unified / "cgroup.subtree_control", "+cpu")
                _write(self._folder / "cpu.max", f"{quota} {PERIOD}")
                _write(self._folder / "cpu.weight", str(MOST_WEIGHT))
                _write(self._folder / "cgroup.subtree_control", "+cpu")
            else:
                _write(self._folder / "cpu.cfs_period_us", str(PERIOD))
                _write(self._folder / "cpu.cfs_quota_us", str(quota))
                _write(self._folder / "cpu.shares", str(MOST_SHARES))
        except OSError as error:
            raise StageError(
                f"cannot limit a group of processes: {error}; run as root, and mount cgroups"
            ) from error
        return self

    def __exit__(self, *_: object) -> None:
        """Remove the group after its processes have ended."""
        deadline = time.monotonic() + patience(END_SECONDS)
        for folder in (*(path for path in self._folder.iterdir() if path.is_dir()), self._folder):
            while folder.exists():
                try:
                    folder.rmdir()
                except OSError as left:
                    if time.monotonic() > deadline:
                        raise StageError(f"{folder}: a process still runs in it") from left
                    time.sleep(0.05)

    @contextlib.contextmanager
    def joined(self, part: str, weight: int = PLAIN_WEIGHT, nice: int = 0) -> Iterator[None]:
        """Move this thread into a part of the group; processes that it starts stay there.

        Args:
            part: name of the part, which is created if missing.
            weight: CPU weight, as systemd's CPUWeight.
            nice: nice value of the started processes.
        """
        folder = self._folder / part
        folder.mkdir(exist_ok=True)
        if self._unified is not None:
            _write(folder / "cpu.weight", str(weight))
            entry, back = folder / "cgroup.procs", self._home(self._unified) / "cgroup.procs"
            who = str(os.getpid())
        else:
            _write(folder / "cpu.shares", str(PLAIN_SHARES * weight // PLAIN_WEIGHT))
            entry, back = folder / "tasks", self._home(self._folder.parent) / "tasks"
            who = str(threading.get_native_id())
        cores, usual = os.sched_getaffinity(0), os.getpriority(os.PRIO_PROCESS, 0)
        os.sched_setaffinity(0, {self._core})
        _write(entry, who)
        os.setpriority(os.PRIO_PROCESS, 0, nice)
        try:
            yield
        finally:
            _write(back, who)
            os.setpriority(os.PRIO_PROCESS, 0, usual)
            os.sched_setaffinity(0, cores)

    @property
    def throttled(self) -> tuple[int, int]:
        """Number of periods, and number of periods in which the group was throttled."""
        lines = (self._folder / "cpu.stat").read_text().splitlines()
        fields = dict(line.split() for line in lines)
        return int(fields["nr_periods"]), int(fields["nr_throttled"])

    def _home(self, root: Path) -> Path:
        """Return the original group of this process."""
        for line in Path("/proc/self/cgroup").read_text().splitlines():
            _, controllers, path = line.split(":", 2)
            fits = not controllers if self._unified else "cpu" in controllers.split(",")
            if fits:
                return root / path.strip("/")
        return root


def _has_cpu(root: Path) -> bool:
    try:
        return "cpu" in (root / "cgroup.controllers").read_text().split()
    except OSError:
        return False


def _write(file: Path, text: str) -> None:
    file.write_text(text)
