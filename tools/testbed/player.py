"""Runs the music player mpv, which plays to a virtual sound server and appears on a private bus.

Needs the Debian packages mpv and mpv-mpris.
"""

from __future__ import annotations

import os
import subprocess
import tempfile
import wave
from collections.abc import Mapping
from pathlib import Path
from typing import Self

import numpy as np

from testbed.errors import StageError

MPRIS_SCRIPT = Path("/usr/lib/mpv-mpris/mpris.so")
RATE = 16_000


class Player:
    """Plays a tone in a loop, until the end of its `with` block or until `stop`."""

    def __init__(
        self,
        environment: Mapping[str, str],
        *,
        mpris: bool = True,
        audio: str = "pulse",
        arguments: tuple[str, ...] = (),
    ) -> None:
        """Set up the player without starting it.

        Args:
            environment: environment variables of a VirtualMicrophone and a PrivateBus.
            mpris: whether the player appears on the bus.
            audio: mpv's audio output: "pulse", or "null" for no output.
            arguments: additional arguments for mpv.
        """
        self._environment = {**os.environ, **environment}
        self._mpris = mpris
        self._audio = audio
        self._arguments = arguments
        self._process: subprocess.Popen[bytes] | None = None
        self._folder: tempfile.TemporaryDirectory[str] | None = None

    @property
    def pid(self) -> int:
        """Process id of the player."""
        if self._process is None:
            raise StageError("the player has not been started; use it in a `with` block")
        return self._process.pid

    def __enter__(self) -> Self:
        """Start playing; the player may appear on the bus a little later."""
        self._folder = tempfile.TemporaryDirectory(prefix="auricle-player-")
        tone = Path(self._folder.name) / "tone.wav"
        write_tone(tone)
        self.start(tone)
        return self

    def start(self, tone: Path) -> None:
        """Start playing a file."""
        command = ["mpv", "--no-config", "--no-terminal", "--no-video", "--load-scripts=no"]
        command += [f"--ao={self._audio}", "--loop-file=inf", *self._arguments]
        if self._mpris:
            command.append(f"--script={MPRIS_SCRIPT}")
        self._process = subprocess.Popen(
            [*command, str(tone)],
            env=self._environment,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )

    def stop(self) -> None:
        """Stop the player."""
        if self._process is not None:
            self._process.kill()
            self._process.wait()
            self._process = None

    def __exit__(self, *_: object) -> None:
        """Stop the player and remove the tone."""
        self.stop()
        if self._folder is not None:
            self._folder.cleanup()
            self._folder = None


def write_tone(file: Path, seconds: float = 2.0) -> None:
    """Write a quiet tone of 440 Hz as WAV, in stereo."""
    times = np.arange(int(seconds * RATE)) / RATE
    samples = (3000 * np.sin(2 * np.pi * 440 * times)).astype("<i2")
    with wave.open(os.fspath(file), "wb") as stream:
        stream.setnchannels(2)
        stream.setsampwidth(2)
        stream.setframerate(RATE)
        stream.writeframes(np.repeat(samples, 2).tobytes())
