"""A group of processes that has but a share of one core, as a slow device has. Needs root.

The share is a quota (`cpu.max`, or `cpu.cfs_quota_us` where the processor belongs to version 1 of
cgroups) on one core, for on a slow device all share the same: so weights between its parts count as
they do there. The period is short, so that a slow processor is seen, and not a fast one that stops.
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

PERIOD = 20_000  # microseconds
PLAIN_WEIGHT = 100  # systemd's CPUWeight of whatever has none of its own
PLAIN_SHARES = 1024  # the same in version 1
MOST_WEIGHT = 10_000  # of the whole: what else runs on this machine must not count
MOST_SHARES = 262_144
END_SECONDS = 5.0
ROOT = Path("/sys/fs/cgroup")


class CappedGroup:
    """Is there as long as its `with` block lasts; what is started within `joined` stays in it."""

    def __init__(self, percent: float, core: int = 0) -> None:
        """Choose how much of which core all parts have together."""
        self._percent = percent
        self._core = core
        self._unified = next((root for root in (ROOT, ROOT / "unified") if _has_cpu(root)), None)
        self._folder = (self._unified or ROOT / "cpu") / f"auricle-testbed-{secrets.token_hex(3)}"

    def __enter__(self) -> Self:
        """Make the group; raises StageError where that cannot be."""
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
                f"no group of processes can be limited here: {error}; be root, and mount cgroups"
            ) from error
        return self

    def __exit__(self, *_: object) -> None:
        """Remove the group, which is empty once what was started in it has ended."""
        deadline = time.monotonic() + END_SECONDS
        for folder in (*(path for path in self._folder.iterdir() if path.is_dir()), self._folder):
            while folder.exists():
                try:
                    folder.rmdir()
                except OSError as left:
                    if time.monotonic() > deadline:
                        raise StageError(f"{folder}: something still runs in it") from left
                    time.sleep(0.05)

    @contextlib.contextmanager
    def joined(self, part: str, weight: int = PLAIN_WEIGHT, nice: int = 0) -> Iterator[None]:
        """Let this thread be in a part of the group; what it starts meanwhile stays there.

        Args:
            part: its name; it is made if it is not there.
            weight: as systemd's CPUWeight.
            nice: niceness of the started processes.
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
        """How many periods there were, and in how many of them the group had to wait."""
        lines = (self._folder / "cpu.stat").read_text().splitlines()
        fields = dict(line.split() for line in lines)
        return int(fields["nr_periods"]), int(fields["nr_throttled"])

    def _home(self, root: Path) -> Path:
        """Return the group that this process is in otherwise."""
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
