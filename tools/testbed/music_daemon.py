"""Runs the music player mpd, which plays one file in a loop to a PulseAudio sink.

Needs the Debian packages mpd and mpc.
"""

from __future__ import annotations

import os
import subprocess
import tempfile
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Self

from testbed.errors import StageError
from testbed.patience import patience

START_SECONDS = 30.0
CONFIG = """\
music_directory "{music}"
db_file "{folder}/database"
bind_to_address "{folder}/socket"
log_file "{folder}/log"
auto_update "no"
audio_output {{
    type "pulse"
    name "testbed"
    server "{server}"
    sink "{sink}"
}}
"""


class MusicDaemon:
    """Plays during its `with` block."""

    def __init__(
        self, file: Path, sink: str, environment: Mapping[str, str], buffer_seconds: float
    ) -> None:
        """Set up the player without starting it.

        Args:
            file: audio file in a format of mpd, such as FLAC or WAV.
            sink: name of the sink.
            environment: environment variables of a VirtualMicrophone.
            buffer_seconds: maximum buffer of the stream in the sound server.
        """
        self._file = file
        self._sink = sink
        self._environment = {
            **os.environ,
            **environment,
            "PULSE_LATENCY_MSEC": str(round(1000 * buffer_seconds)),
        }
        self._folder: tempfile.TemporaryDirectory[str] | None = None
        self._process: subprocess.Popen[bytes] | None = None

    def __enter__(self) -> Self:
        """Start playing; return when mpd has accepted the command."""
        self._folder = tempfile.TemporaryDirectory(prefix="auricle-mpd-")
        folder = Path(self._folder.name)
        config = folder / "mpd.conf"
        config.write_text(
            CONFIG.format(
                music=self._file.parent,
                folder=folder,
                server=self._environment["PULSE_SERVER"],
                sink=self._sink,
            )
        )
        try:
            self._process = subprocess.Popen(
                ["mpd", "--no-daemon", str(config)],
                env={**self._environment, "HOME": str(folder)},
                stdin=subprocess.DEVNULL,
                stdout=subprocess.DEVNULL,
                stderr=subprocess.DEVNULL,
            )
            self._wait_for(folder / "socket")
            for words in (("update", "--wait"), ("add", self._file.name), ("repeat", "on")):
                self._ask(*words)
            self._ask("play")
        except FileNotFoundError as error:
            self._end()
            raise StageError(f"{error.filename} is missing; install mpd and mpc") from error
        except BaseException:
            self._end()
            raise
        return self

    def __exit__(self, *_: object) -> None:
        """Stop mpd."""
        self._end()

    @property
    def playing(self) -> bool:
        """Whether mpd reports that it plays."""
        return "[playing]" in self._ask("status")

    def _ask(self, *words: str) -> str:
        folder = "" if self._folder is None else self._folder.name
        done = subprocess.run(
            ["mpc", f"--host={folder}/socket", *words], capture_output=True, text=True, check=False
        )
        if done.returncode:
            raise StageError(f"mpc {' '.join(words)}: {done.stderr.strip()}")
        return done.stdout

    def _wait_for(self, socket: Path) -> None:
        deadline = time.monotonic() + patience(START_SECONDS)
        while not socket.exists():
            if time.monotonic() > deadline or (self._process and self._process.poll() is not None):
                raise StageError("mpd does not start; check that it is installed")
            time.sleep(0.05)

    def _end(self) -> None:
        if self._process is not None:
            self._process.kill()
            self._process.wait()
            self._process = None
        if self._folder is not None:
            self._folder.cleanup()
            self._folder = None
