"""Runs the daemon as a separate process with a notify socket, as under systemd."""

from __future__ import annotations

import os
import queue
import signal
import socket
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Self

from testbed.errors import StageError
from testbed.patience import patience

START_SECONDS = 60.0
STOP_SECONDS = 10.0
MESSAGE_BYTES = 65536
PROGRAM = ("-m", "auricle.cli.main")

Message = dict[str, str]  # the assignments of one sd_notify(3)


class RunningDaemon:
    """Runs `auricle run` during its `with` block, which starts when the daemon is ready."""

    def __init__(
        self,
        bus: str,
        config: str = "",
        *,
        environment: Mapping[str, str] | None = None,
        arguments: Sequence[str] = (),
        watchdog_seconds: float = 0.0,
        program: Sequence[str] = PROGRAM,
    ) -> None:
        """Set up the daemon without starting it.

        Args:
            bus: address of a message bus.
            config: content of the configuration file.
            environment: additional environment variables, such as those of a VirtualMicrophone.
            arguments: additional command-line arguments.
            watchdog_seconds: watchdog timeout passed to the daemon; 0: no watchdog.
            program: arguments of Python before those of `auricle`.
        """
        self.log = ""  # complete output, set when the daemon has stopped
        self._bus = bus
        self._first_config = config
        self._environment = dict(environment or {})
        self._arguments = tuple(arguments)
        self._watchdog_seconds = watchdog_seconds
        self._program = tuple(program)
        self._folder: tempfile.TemporaryDirectory[str] | None = None
        self._socket: socket.socket | None = None
        self._messages: queue.Queue[Message] = queue.Queue()
        self._process: subprocess.Popen[bytes] | None = None

    @property
    def config(self) -> Path:
        """The configuration file; change it and call `signal(SIGHUP)`."""
        return self._path / "auricle.yaml"

    @property
    def drop_in(self) -> Path:
        """Drop-in that fixes the compute level, unless the configuration sets it."""
        return self._path / "auricle.yaml.d" / "00-level.yaml"

    @property
    def pid(self) -> int:
        """Process id of the daemon."""
        return self._running().pid

    def __enter__(self) -> Self:
        """Start the daemon; return when it is ready."""
        self._folder = tempfile.TemporaryDirectory(prefix="auricle-daemon-")
        self._socket = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM | socket.SOCK_CLOEXEC)
        self._socket.bind(str(self._path / "notify"))
        # sd_notify(3) blocks when the queue is full, so a thread receives messages at once.
        threading.Thread(target=self._listen, args=(self._socket,), daemon=True).start()
        self.config.write_text(self._first_config, encoding="utf-8")
        if "arbiter:" not in self._first_config:
            # Results must not depend on the load of the machine.
            self.drop_in.parent.mkdir()
            self.drop_in.write_text("arbiter: {level: full}\n", encoding="utf-8")
        environment = {
            **os.environ,
            "STATE_DIRECTORY": str(self._path / "state"),
            **self._environment,
            "NOTIFY_SOCKET": str(self._path / "notify"),
        }
        if self._watchdog_seconds:
            environment["WATCHDOG_USEC"] = str(round(self._watchdog_seconds * 1e6))
        command = [sys.executable, *self._program, "run"]
        command += ["--config", str(self.config), "--bus", self._bus, *self._arguments]
        with (self._path / "log").open("wb") as log:
            self._process = subprocess.Popen(
                command, env=environment, stdin=subprocess.DEVNULL, stdout=log, stderr=log
            )
        try:
            self.wait_for("READY", START_SECONDS)
        except BaseException:
            self._end()
            raise
        return self

    def __exit__(self, *_: object) -> None:
        """Stop the daemon if it is still running."""
        self._end()

    def wait_for(self, name: str, seconds: float = 15.0) -> Message:
        """Return the next message to systemd that has the assignment `name`."""
        deadline = time.monotonic() + patience(seconds)
        while time.monotonic() < deadline:
            message = self._receive(0.1)
            if message is not None and name in message:
                return message
            if message is None and self._running().poll() is not None:
                break
        raise StageError(f"the daemon sent no {name} to systemd; log:\n{self.read_log()}")

    def drain(self) -> list[Message]:
        """Return all messages received but not yet read."""
        messages = []
        while (message := self._receive(0.0)) is not None:
            messages.append(message)
        return messages

    def signal(self, number: signal.Signals) -> None:
        """Send a signal to the daemon."""
        self._running().send_signal(number)

    def wait(self) -> int:
        """Wait until the daemon exits; return its exit status."""
        return self._running().wait(patience(STOP_SECONDS))

    def read_log(self) -> str:
        """Return the standard output and standard error of the daemon so far."""
        if self._folder is None:
            return self.log
        return (self._path / "log").read_text(encoding="utf-8", errors="replace")

    @property
    def _path(self) -> Path:
        if self._folder is None:
            raise StageError("the daemon has not been started; use it in a `with` block")
        return Path(self._folder.name)

    def _running(self) -> subprocess.Popen[bytes]:
        if self._process is None:
            raise StageError("the daemon has not been started; use it in a `with` block")
        return self._process

    def _receive(self, seconds: float) -> Message | None:
        try:
            return self._messages.get(timeout=seconds) if seconds else self._messages.get_nowait()
        except queue.Empty:
            return None

    def _listen(self, receiver: socket.socket) -> None:
        while data := receiver.recv(MESSAGE_BYTES):
            self._messages.put(dict(line.split("=", 1) for line in data.decode().splitlines()))

    def _end(self) -> None:
        process = self._running()
        process.terminate()
        try:
            process.wait(patience(STOP_SECONDS))
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()
        self.log = self.read_log()
        if self._socket is not None:
            self._socket.shutdown(socket.SHUT_RDWR)  # ends the receiving thread
            self._socket.close()
            self._socket = None
        if self._folder is not None:
            self._folder.cleanup()
            self._folder = None
