"""A microphone made of software: PulseAudio's null sink, whose monitor hears what is played.

The server is private: its socket, state and configuration lie in one temporary folder, and nothing
of the user's own sound server is touched. Runs as root too. Needs the Debian packages pulseaudio,
pulseaudio-utils and libasound2-plugins.
"""

from __future__ import annotations

import os
import shutil
import socket
import subprocess
import tempfile
import time
from pathlib import Path
from typing import Self

from testbed.errors import StageError

SINK = "speaker"
START_SECONDS = 10.0
ARRAY_FROM = 3  # channels: what has fewer is mono or stereo, and may be mixed
ARRAY_ORDER = (  # as ALSA orders channels, so that none is mixed into another on the way
    *("front-left", "front-right", "rear-left", "rear-right"),
    *("front-center", "lfe", "side-left", "side-right"),
)

# What a program under test sees in place of /usr/share/alsa: the sound server, nothing else.
ALSA_CONFIG = """\
pcm.pulse { type pulse }
ctl.pulse { type pulse }
pcm.default { type pulse }
"""


class VirtualMicrophone:
    """A private sound server; what `speak` plays is heard by the devices `default` and `pulse`."""

    def __init__(self, rate: int = 16_000, channels: int = 1) -> None:
        """Choose what to build.

        Args:
            rate: Hz at which the sound server mixes.
            channels: of the microphone, at most 8. From 3 on it is an array: channel i of a
                recording goes to channel i of the array, and nowhere else.
        """
        self._rate = rate
        self._channels = channels
        self._folder: Path | None = None
        self._server: subprocess.Popen[bytes] | None = None

    @property
    def folder(self) -> Path:
        """Where all of the server's files are."""
        if self._folder is None:
            raise StageError("the virtual microphone has not been built; use it in a `with` block")
        return self._folder

    @property
    def environment(self) -> dict[str, str]:
        """Variables that lead programs of PulseAudio and ALSA to this server."""
        return {
            "ALSA_CONFIG_PATH": str(self.folder / "asound.conf"),
            "PULSE_CLIENTCONFIG": str(self.folder / "client.conf"),
            "PULSE_COOKIE": str(self.folder / "cookie"),
            "PULSE_RUNTIME_PATH": str(self.folder),
            "PULSE_SERVER": f"unix:{self._socket}",
        }

    @property
    def pid(self) -> int:
        """Process id of the sound server."""
        if self._server is None:
            raise StageError("the virtual microphone is unplugged")
        return self._server.pid

    def __enter__(self) -> Self:
        """Build the microphone and plug it in."""
        self._folder = Path(tempfile.mkdtemp(prefix="auricle-sound-"))
        (self.folder / "client.conf").write_text("autospawn = no\n")
        (self.folder / "asound.conf").write_text(ALSA_CONFIG)
        try:
            self.plug_in()
        except BaseException:
            self._remove()
            raise
        return self

    def __exit__(self, *_: object) -> None:
        """Unplug and remove it."""
        self._remove()

    def plug_in(self) -> None:
        """Start the server, so that the microphone is there; return when it can be opened."""
        if self._server is not None:
            return
        with (self.folder / "log").open("ab") as log:
            self._server = subprocess.Popen(
                self._command(),
                env={
                    "PATH": os.environ.get("PATH", os.defpath),
                    "HOME": str(self.folder),
                    "XDG_RUNTIME_DIR": str(self.folder),
                    "PULSE_STATE_PATH": str(self.folder),
                    # PulseAudio looks for a session bus, and would start one.
                    "DBUS_SESSION_BUS_ADDRESS": "unix:path=/nonexistent",
                    "DBUS_SYSTEM_BUS_ADDRESS": "unix:path=/nonexistent",
                    **self.environment,
                },
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
            )
        deadline = time.monotonic() + START_SECONDS
        while not self._answers():
            if self._server.poll() is not None or time.monotonic() > deadline:
                raise self._failed()
            time.sleep(0.02)
        if not self._has_sink():  # PulseAudio goes on without what it could not load
            raise self._failed()

    def unplug(self) -> None:
        """Kill the server, as when a microphone is pulled out."""
        if self._server is None:
            return
        self._server.kill()
        self._server.wait()
        self._server = None
        self._socket.unlink(missing_ok=True)

    def start_speaking(self, recording: Path | str, sink: str = SINK) -> subprocess.Popen[bytes]:
        """Start to play a recording (WAV, FLAC, Ogg) to the microphone, at its own level."""
        options = ["--no-remap"] if self._channels >= ARRAY_FROM else []
        # What is spoken is no music that Auricle is to duck.
        options.append("--property=media.role=test")
        return subprocess.Popen(
            ["paplay", f"--device={sink}", *options, os.fspath(recording)],
            env={**os.environ, **self.environment},
            stdin=subprocess.DEVNULL,
        )

    def add_sink(self, name: str, rate: int, channels: int) -> None:
        """Add a sink beside the microphone's own; its monitor is no default source."""
        shape = (f"sink_name={name}", "norewinds=1", f"rate={rate}", f"channels={channels}")
        self.load("module-null-sink", *shape)

    def load(self, module: str, *arguments: str) -> None:
        """Load a module into the server; raises StageError with what the server says against it."""
        done = subprocess.run(
            ["pactl", "load-module", module, *arguments],
            env={**os.environ, **self.environment},
            capture_output=True,
            text=True,
            check=False,
        )
        if done.returncode:
            raise StageError(f"{module} cannot be loaded: {done.stderr.strip()}")

    def speak(self, recording: Path | str, sink: str = SINK) -> None:
        """Play a recording to the microphone; return when all of it was played."""
        if status := self.start_speaking(recording, sink).wait():
            raise StageError(f"paplay cannot play {recording}: exit status {status}")

    @property
    def _socket(self) -> Path:
        return self.folder / "native"

    def _command(self) -> list[str]:
        shape = f"rate={self._rate} channels={self._channels}"
        if self._channels >= ARRAY_FROM:
            shape += " channel_map=" + ",".join(ARRAY_ORDER[: self._channels])
        # Without rewinds the sink mixes every 50 ms instead of every 2 s. The socket comes last:
        # once it answers, everything is there.
        sink = f"module-null-sink sink_name={SINK} norewinds=1 {shape}"
        protocol = f"module-native-protocol-unix socket={self._socket} auth-anonymous=1"
        command = ["pulseaudio", "-n", f"--load={sink}", f"--load={protocol}", "--daemonize=no"]
        command += ["--exit-idle-time=-1", "--disable-shm=yes", "--use-pid-file=no"]
        return [*command, "--log-target=stderr", "--log-level=warn"]

    def _answers(self) -> bool:
        with socket.socket(socket.AF_UNIX) as probe:
            return probe.connect_ex(str(self._socket)) == 0

    def _has_sink(self) -> bool:
        listed = subprocess.run(
            ["pactl", "list", "short", "sinks"],
            env={**os.environ, **self.environment},
            capture_output=True,
            text=True,
            check=False,
        )
        return SINK in listed.stdout.split()

    def _failed(self) -> StageError:
        """Stop what is left of the server and return what it says of its failure."""
        self.unplug()
        log = (self.folder / "log").read_text(errors="replace")[-2000:]
        return StageError(f"PulseAudio does not start; it says:\n{log}")

    def _remove(self) -> None:
        self.unplug()
        shutil.rmtree(self.folder, ignore_errors=True)
        self._folder = None
