"""A private PipeWire with WirePlumber, a null sink, and PulseAudio's protocol.

Needs the Debian packages pipewire, pipewire-pulse, wireplumber and pulseaudio-utils. The Makefile
does not install them, because they may replace PulseAudio as the sound server of the machine.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Self

from testbed.errors import StageError
from testbed.patience import patience

PROGRAMS = ("pipewire", "wireplumber", "pipewire-pulse")
SINK = "speaker"
START_SECONDS = 15.0
# Containers have no logind, and WirePlumber exits without it. The files are for 0.4 and 0.5.
SETTINGS = {
    "bluetooth.lua.d/51-no-logind.lua": 'bluez_monitor.properties["with-logind"] = false\n',
    "wireplumber.conf.d/51-no-logind.conf": (
        "wireplumber.profiles = { main = { support.logind = disabled } }\n"
    ),
}


def is_installed() -> bool:
    """Return whether all programs are installed."""
    return all(shutil.which(program) for program in (*PROGRAMS, "pactl"))


class PipeWire:
    """Runs during its `with` block; `environment` connects PulseAudio programs to it."""

    def __init__(self, bus: str, *snippets: Path) -> None:
        """Take the address of a session bus, and files for PipeWire's pipewire.conf.d."""
        self._bus = bus
        self._snippets = snippets
        self._folder: Path | None = None
        self._processes: list[subprocess.Popen[bytes]] = []

    @property
    def folder(self) -> Path:
        """Folder of all its files."""
        if self._folder is None:
            raise StageError("PipeWire has not been started; use it in a `with` block")
        return self._folder

    @property
    def environment(self) -> dict[str, str]:
        """Environment variables that connect programs to it."""
        return {
            "XDG_RUNTIME_DIR": str(self.folder),
            "XDG_CONFIG_HOME": str(self.folder / "config"),
            "XDG_STATE_HOME": str(self.folder / "state"),
            "PULSE_COOKIE": str(self.folder / "cookie"),
            "PULSE_SERVER": f"unix:{self.folder}/pulse/native",
            "DBUS_SESSION_BUS_ADDRESS": self._bus,
            "DBUS_SYSTEM_BUS_ADDRESS": "unix:path=/nonexistent",
        }

    def __enter__(self) -> Self:
        """Start the servers; return when the sink exists."""
        self._folder = Path(tempfile.mkdtemp(prefix="auricle-pipewire-"))
        for name, content in SETTINGS.items():
            file = self.folder / "config" / "wireplumber" / name
            file.parent.mkdir(parents=True)
            file.write_text(content, encoding="utf-8")
        snippets = self.folder / "config" / "pipewire" / "pipewire.conf.d"
        snippets.mkdir(parents=True)
        for snippet in self._snippets:
            shutil.copy(snippet, snippets)
        try:
            for program in PROGRAMS:
                self._start(program)
            self._until(self._load_sink)
        except BaseException:
            self._stop()
            raise
        return self

    def __exit__(self, *_: object) -> None:
        """Stop the servers and remove their files."""
        self._stop()

    def _start(self, program: str) -> None:
        with (self.folder / "log").open("ab") as log:
            process = subprocess.Popen(
                [program],
                env={**os.environ, **self.environment},
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
            )
        self._processes.append(process)
        if program == PROGRAMS[0]:
            self._until((self.folder / "pipewire-0").exists)

    def _load_sink(self) -> bool:
        done = subprocess.run(
            ["pactl", "load-module", "module-null-sink", f"sink_name={SINK}"],
            env={**os.environ, **self.environment},
            capture_output=True,
            check=False,
        )
        return done.returncode == 0

    def _until(self, condition: Callable[[], bool]) -> None:
        deadline = time.monotonic() + patience(START_SECONDS)
        while not condition():
            if time.monotonic() > deadline:
                log = (self.folder / "log").read_text(errors="replace")[-2000:]
                raise StageError(f"PipeWire does not start; log:\n{log}")
            time.sleep(0.05)

    def _stop(self) -> None:
        for process in reversed(self._processes):
            process.kill()
            process.wait()
        self._processes.clear()
        shutil.rmtree(self.folder, ignore_errors=True)
        self._folder = None
