"""A virtual microphone: the monitor of a PulseAudio null sink records what is played to the sink.

The server is private: its socket, state and configuration are in a temporary folder, and the user's
sound server is not affected. It also runs as root. Needs the Debian packages pulseaudio,
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
from testbed.patience import patience

SINK = "speaker"
START_SECONDS = 10.0
ARRAY_FROM = 3  # minimum channels of an array; mono and stereo may be remixed
ARRAY_ORDER = (  # ALSA's channel order, so that channels are not mixed
    *("front-left", "front-right", "rear-left", "rear-right"),
    *("front-center", "lfe", "side-left", "side-right"),
)

# Replaces /usr/share/alsa for programs under test: only the sound server is available.
ALSA_CONFIG = """\
pcm.pulse { type pulse }
ctl.pulse { type pulse }
pcm.default { type pulse }
"""


class VirtualMicrophone:
    """A private sound server; the devices `default` and `pulse` record what `speak` plays."""

    def __init__(self, rate: int = 16_000, channels: int = 1) -> None:
        """Set up the microphone without starting it.

        Args:
            rate: sample rate of the sound server, Hz.
            channels: number of channels, at most 8. With 3 or more it is an array: channel i of a
                recording goes only to channel i of the array.
        """
        self._rate = rate
        self._channels = channels
        self._folder: Path | None = None
        self._server: subprocess.Popen[bytes] | None = None

    @property
    def folder(self) -> Path:
        """Folder of all files of the server."""
        if self._folder is None:
            raise StageError("the virtual microphone is not started; use it in a `with` block")
        return self._folder

    @property
    def environment(self) -> dict[str, str]:
        """Environment variables that connect PulseAudio and ALSA programs to this server."""
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
        """Create the microphone and plug it in."""
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
        """Unplug and remove the microphone."""
        self._remove()

    def plug_in(self) -> None:
        """Start the server; return when the microphone can be opened."""
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
                    # Without an address, PulseAudio would start a session bus.
                    "DBUS_SESSION_BUS_ADDRESS": "unix:path=/nonexistent",
                    "DBUS_SYSTEM_BUS_ADDRESS": "unix:path=/nonexistent",
                    **self.environment,
                },
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
            )
        deadline = time.monotonic() + patience(START_SECONDS)
        while not self._answers():
            if self._server.poll() is not None or time.monotonic() > deadline:
                raise self._failed()
            time.sleep(0.02)
        if not self._has_sink():  # PulseAudio continues if a module fails to load
            raise self._failed()

    def unplug(self) -> None:
        """Kill the server, which simulates unplugging the microphone."""
        if self._server is None:
            return
        self._server.kill()
        self._server.wait()
        self._server = None
        self._socket.unlink(missing_ok=True)

    def start_speaking(self, recording: Path | str, sink: str = SINK) -> subprocess.Popen[bytes]:
        """Start playing a recording (WAV, FLAC, Ogg) to the microphone, at unchanged level."""
        options = ["--no-remap"] if self._channels >= ARRAY_FROM else []
        # The role keeps Auricle from ducking the stream.
        options.append("--property=media.role=test")
        return subprocess.Popen(
            ["paplay", f"--device={sink}", *options, os.fspath(recording)],
            env={**os.environ, **self.environment},
            stdin=subprocess.DEVNULL,
        )

    def add_sink(self, name: str, rate: int, channels: int) -> None:
        """Add another sink, whose monitor is not the default source."""
        shape = (f"sink_name={name}", "norewinds=1", f"rate={rate}", f"channels={channels}")
        self.load("module-null-sink", *shape)

    def load(self, module: str, *arguments: str) -> None:
        """Load a module into the server; raises StageError with the server's message."""
        done = subprocess.run(
            ["pactl", "load-module", module, *arguments],
            env={**os.environ, **self.environment},
            capture_output=True,
            text=True,
            check=False,
        )
        if done.returncode:
            raise StageError(f"cannot load {module}: {done.stderr.strip()}")

    def speak(self, recording: Path | str, sink: str = SINK) -> None:
        """Play a recording to the microphone; return when it has been played."""
        if status := self.start_speaking(recording, sink).wait():
            raise StageError(f"paplay cannot play {recording}: exit status {status}")

    @property
    def _socket(self) -> Path:
        return self.folder / "native"

    def _command(self) -> list[str]:
        shape = f"rate={self._rate} channels={self._channels}"
        if self._channels >= ARRAY_FROM:
            shape += " channel_map=" + ",".join(ARRAY_ORDER[: self._channels])
        # Without rewinds the sink mixes every 50 ms instead of every 2 s. The socket is loaded
        # last, so the sink exists once the socket accepts connections.
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
        """Stop the server and return an error with its log."""
        self.unplug()
        log = (self.folder / "log").read_text(errors="replace")[-2000:]
        return StageError(f"PulseAudio does not start; log:\n{log}")

    def _remove(self) -> None:
        self.unplug()
        shutil.rmtree(self.folder, ignore_errors=True)
        self._folder = None
