"""A booted Debian system with its own systemd, journal and message bus, but no network.

In: the folder of a system. Out: results of commands run in it as root. The system is a container
(systemd-nspawn) on the host's kernel. The host need not run systemd.
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
from testbed.patience import patience

BOOT_SECONDS = 120.0
STOP_SECONDS = 20.0
COMMAND_SECONDS = 180.0
PATH = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"
# systemd-nspawn requires /run/systemd on the host, so it gets one in a private mount namespace. It
# does not register the machine, and its processes stay in their cgroup.
NSPAWN = "mkdir -p /run/systemd && mount -t tmpfs tmpfs /run/systemd && exec systemd-nspawn"


class BootedMachine:
    """Boots on entry of its `with` block and stops at its end."""

    def __init__(self, tree: Path, *, seen: Mapping[Path, str]) -> None:
        """Set up a machine without booting it.

        Args:
            tree: folder of the system; its files will change.
            seen: host folders and their read-only mount points in the machine.
        """
        self._tree = tree
        self._seen = dict(seen)
        self._console = tree.parent / "console"
        self._process: subprocess.Popen[bytes] | None = None
        self._init = 0  # process id of the machine's init on the host

    def __enter__(self) -> Self:
        """Boot; raises StageError if the machine does not finish booting."""
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
        """Shut down."""
        self._stop()

    def run(
        self,
        *command: str,
        check: bool = True,
        user: str = "root",
        environment: Mapping[str, str] | None = None,
        text: str | None = None,
    ) -> subprocess.CompletedProcess[str]:
        """Run a command to its end with `text` as input; raises StageError if it fails."""
        done = subprocess.run(
            self._entered(command, user, environment),
            input=text or "",
            capture_output=True,
            text=True,
            check=False,
            timeout=patience(COMMAND_SECONDS),
        )
        if check and done.returncode:
            told = f"{done.stdout}{done.stderr}"[-4000:]
            raise StageError(f"{' '.join(command)} exits with {done.returncode}:\n{told}")
        return done

    def told(self, *command: str, check: bool = True) -> str:
        """Return the output of a command."""
        return self.run(*command, check=check).stdout.strip()

    def start(
        self, *command: str, user: str = "root", output: int = subprocess.DEVNULL
    ) -> subprocess.Popen[str]:
        """Start a command without input; stop it with `end`."""
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
        """Kill a command started by `start`, which runs as a child of nsenter."""
        with contextlib.suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)
        process.wait()
        if process.stdout is not None:
            process.stdout.close()

    def write(self, place: str, text: str) -> None:
        """Write a world-readable file."""
        self.run("sh", "-c", f"mkdir -p $(dirname {place}) && cat > {place}", text=text)

    @property
    def console(self) -> str:
        """Console output of the machine so far."""
        return self._console.read_text(encoding="utf-8", errors="replace")

    def _entered(
        self, command: Sequence[str], user: str, environment: Mapping[str, str] | None
    ) -> list[str]:
        """Return the command line that runs a command in the machine."""
        entered = ["nsenter", f"--target={self._init}", "--mount", "--uts", "--ipc", "--net"]
        entered += ["--pid", "--wd=/", "env", "--ignore-environment", f"PATH={PATH}"]
        entered += ["LANG=C.UTF-8", "HOME=/root"]
        entered += [f"{name}={value}" for name, value in (environment or {}).items()]
        return [*entered, *(() if user == "root" else ("runuser", "-u", user, "--")), *command]

    def _wait_for_boot(self) -> None:
        deadline = time.monotonic() + patience(BOOT_SECONDS)
        while time.monotonic() < deadline:
            if self._process is None or self._process.poll() is not None:
                break
            self._init = self._init or find_init(self._process.pid)
            if self._init:
                state = self.told("systemctl", "is-system-running", check=False)
                if state in ("running", "degraded"):
                    return
            time.sleep(0.2)
        raise StageError(f"the machine does not boot; console output:\n{self.console[-4000:]}")

    def _stop(self) -> None:
        """Shut the machine down; kill it if that takes too long."""
        if self._process is None:
            return
        if self._init:
            os.kill(self._init, signal.SIGRTMIN + 4)  # asks systemd to power off
        try:
            self._process.wait(patience(STOP_SECONDS))
        except subprocess.TimeoutExpired:
            if self._init:
                os.kill(self._init, signal.SIGKILL)
            self._process.kill()
            self._process.wait()
        self._process = None


def find_init(nspawn: int) -> int:
    """Return the process id of the machine's init on the host; 0 if it has not started."""
    children = Path(f"/proc/{nspawn}/task/{nspawn}/children")
    for child in children.read_text(encoding="ascii").split():
        status = Path(f"/proc/{child}/status").read_text(encoding="ascii")
        inner = next(line for line in status.splitlines() if line.startswith("NSpid:")).split()
        if inner[-1] == "1" and len(inner) > 2:
            return int(child)
    return 0
