"""A whole Debian system that has booted: its own systemd, journal and message bus, no network.

In: the folder of a system. Out: commands run in it, as if typed there by root. It is a container
(systemd-nspawn) on the kernel that is there; whether the host runs systemd makes no difference.
"""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Self

from testbed.errors import StageError

BOOT_SECONDS = 120.0
STOP_SECONDS = 20.0
COMMAND_SECONDS = 180.0
PATH = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"
# nspawn asks only whether the host has a /run/systemd of its own, and gets one that nobody else
# sees; so it makes no name for the machine known, and keeps its processes where they are.
NSPAWN = "mkdir -p /run/systemd && mount -t tmpfs tmpfs /run/systemd && exec systemd-nspawn"


class BootedMachine:
    """Runs as long as its `with` block lasts, which begins when it has booted."""

    def __init__(self, tree: Path, *, seen: Mapping[Path, str]) -> None:
        """Choose what to boot.

        Args:
            tree: the files of the system; they will be changed.
            seen: folders of the host, and where the machine sees them, read-only.
        """
        self._tree = tree
        self._seen = dict(seen)
        self._console = tree.parent / "console"
        self._process: subprocess.Popen[bytes] | None = None
        self._init = 0  # as the host numbers it

    def __enter__(self) -> Self:
        """Boot; raises StageError if that does not come to an end."""
        options = [f"--directory={self._tree}", "--boot", "--private-network", "--register=no"]
        options += ["--keep-unit", "--console=pipe", "--machine=auricle-test"]
        options += [f"--bind-ro={folder}:{place}" for folder, place in self._seen.items()]
        with self._console.open("wb") as console:
            self._process = subprocess.Popen(
                ["unshare", "--mount", "sh", "-c", f'{NSPAWN} "$@"', "sh", *options],
                env={"PATH": PATH, "SYSTEMD_NSPAWN_UNIFIED_HIERARCHY": "1"},
                stdin=subprocess.DEVNULL,
                stdout=console,
                stderr=console,
            )
        try:
            self._wait_for_boot()
        except BaseException:
            self._stop()
            raise
        return self

    def __exit__(self, *_: object) -> None:
        """Switch off."""
        self._stop()

    def run(
        self,
        *command: str,
        check: bool = True,
        user: str = "root",
        environment: Mapping[str, str] | None = None,
        text: str | None = None,
    ) -> subprocess.CompletedProcess[str]:
        """Run a command to its end, with `text` as its input; raises StageError if it fails."""
        done = subprocess.run(
            self._entered(command, user, environment),
            input=text or "",
            capture_output=True,
            text=True,
            check=False,
            timeout=COMMAND_SECONDS,
        )
        if check and done.returncode:
            told = f"{done.stdout}{done.stderr}"[-4000:]
            raise StageError(f"{' '.join(command)} ends with {done.returncode}:\n{told}")
        return done

    def told(self, *command: str, check: bool = True) -> str:
        """Return what a command prints."""
        return self.run(*command, check=check).stdout.strip()

    def start(
        self, *command: str, user: str = "root", output: int = subprocess.DEVNULL
    ) -> subprocess.Popen[str]:
        """Start a command, which `end` ends. It has no input."""
        return subprocess.Popen(
            self._entered(command, user, None),
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=subprocess.DEVNULL,
            text=True,
            start_new_session=True,
        )

    @staticmethod
    def end(process: subprocess.Popen[str]) -> None:
        """End what `start` has started: nsenter is only the parent of it."""
        with contextlib.suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)
        process.wait()
        if process.stdout is not None:
            process.stdout.close()

    def write(self, place: str, text: str) -> None:
        """Write a file that all may read."""
        self.run("sh", "-c", f"mkdir -p $(dirname {place}) && cat > {place}", text=text)

    @property
    def console(self) -> str:
        """What the machine has printed on its console."""
        return self._console.read_text(encoding="utf-8", errors="replace")

    def _entered(
        self, command: Sequence[str], user: str, environment: Mapping[str, str] | None
    ) -> list[str]:
        """Return a command with what brings it into the machine."""
        entered = ["nsenter", f"--target={self._init}", "--mount", "--uts", "--ipc", "--net"]
        entered += ["--pid", "--wd=/", "env", "--ignore-environment", f"PATH={PATH}"]
        entered += ["LANG=C.UTF-8", "HOME=/root"]
        entered += [f"{name}={value}" for name, value in (environment or {}).items()]
        return [*entered, *(() if user == "root" else ("runuser", "-u", user, "--")), *command]

    def _wait_for_boot(self) -> None:
        deadline = time.monotonic() + BOOT_SECONDS
        while time.monotonic() < deadline:
            if self._process is None or self._process.poll() is not None:
                break
            self._init = self._init or find_init(self._process.pid)
            if self._init:
                state = self.told("systemctl", "is-system-running", check=False)
                if state in ("running", "degraded"):
                    return
            time.sleep(0.2)
        raise StageError(f"the machine does not boot; its console says:\n{self.console[-4000:]}")

    def _stop(self) -> None:
        """End all its processes, gently and then not."""
        if self._process is None:
            return
        if self._init:
            os.kill(self._init, signal.SIGRTMIN + 4)  # systemd switches off
        try:
            self._process.wait(STOP_SECONDS)
        except subprocess.TimeoutExpired:
            if self._init:
                os.kill(self._init, signal.SIGKILL)
            self._process.kill()
            self._process.wait()
        self._process = None


def find_init(nspawn: int) -> int:
    """Return the process that is the machine's first; 0 while there is none."""
    children = Path(f"/proc/{nspawn}/task/{nspawn}/children")
    for child in children.read_text(encoding="ascii").split():
        status = Path(f"/proc/{child}/status").read_text(encoding="ascii")
        inner = next(line for line in status.splitlines() if line.startswith("NSpid:")).split()
        if inner[-1] == "1" and len(inner) > 2:
            return int(child)
    return 0
