"""Notifies systemd by sd_notify(3); does nothing without a notify socket.

The watchdog is fed only while audio processing makes progress, so that systemd restarts a daemon
whose capture or inference thread is stuck.
"""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Mapping

from systemd import daemon

MICROSECOND = 1e-6


class Notifier:
    """Sends the state of the service to systemd."""

    def __init__(
        self, complain: Callable[[str], None], send: Callable[[str], object] = daemon.notify
    ) -> None:
        """Prepare; nothing is sent yet.

        Args:
            complain: takes a sentence when systemd cannot be notified; called once per outage.
            send: takes the assignments of sd_notify(3), one per line; may raise OSError.
        """
        self._complain = complain
        self._write = send
        self._broken = False
        self._status = ""

    def ready(self, status: str) -> None:
        """Report that the service has started or has reloaded its configuration."""
        self._status = status
        self._send(f"READY=1\nSTATUS={status}")

    def status(self, status: str) -> None:
        """Send the status line, if it has changed."""
        if status != self._status:
            self._status = status
            self._send(f"STATUS={status}")

    def reloading(self) -> None:
        """Report that the configuration is being reloaded."""
        now = time.clock_gettime_ns(time.CLOCK_MONOTONIC) // 1000
        self._send(f"RELOADING=1\nMONOTONIC_USEC={now}")

    def stopping(self) -> None:
        """Report that the service is stopping."""
        self._send("STOPPING=1\nSTATUS=Stopping")

    def feed_watchdog(self) -> None:
        """Reset the watchdog timer."""
        self._send("WATCHDOG=1")

    def _send(self, assignments: str) -> None:
        try:
            self._write(assignments)
        except OSError as error:
            if not self._broken:
                self._complain(f"cannot notify systemd: {error}")
            self._broken = True
        else:
            self._broken = False


class Watchdog:
    """Feeds systemd's watchdog while there is progress."""

    def __init__(
        self,
        seconds: float,
        progress_at: Callable[[], float],
        feed: Callable[[], None],
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        """Prepare; call `check` every `interval` seconds.

        Args:
            seconds: the watchdog timeout of systemd.
            progress_at: returns the time of the last audio frame or heartbeat.
            feed: resets the watchdog timer.
            clock: the clock of `progress_at`.
        """
        self.interval = seconds / 4  # between two calls of `check`
        self._patience = seconds / 2  # opening a slow device may take seconds
        self._progress_at = progress_at
        self._feed = feed
        self._clock = clock

    def check(self) -> bool:
        """Feed the watchdog if there was progress lately; return whether there was."""
        progress = self._clock() - self._progress_at() < self._patience
        if progress:
            self._feed()
        return progress


def watchdog_seconds(environment: Mapping[str, str] = os.environ) -> float | None:
    """Return the watchdog timeout of systemd in seconds; None if it does not watch this process."""
    if environment.get("WATCHDOG_PID", str(os.getpid())) != str(os.getpid()):
        return None
    period = environment.get("WATCHDOG_USEC", "")
    return int(period) * MICROSECOND if period.isdigit() and int(period) > 0 else None
