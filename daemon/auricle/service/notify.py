"""What the daemon tells systemd: sd_notify(3), and nothing where no one listens.

The watchdog is fed only while the audio loop makes progress, so that systemd restarts a daemon
whose audio thread or inference thread is stuck.
"""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Mapping

from systemd import daemon

MICROSECOND = 1e-6


class Notifier:
    """Tells the state of the service."""

    def __init__(
        self, complain: Callable[[str], None], send: Callable[[str], object] = daemon.notify
    ) -> None:
        """Prepare to tell.

        Args:
            complain: called with a sentence when systemd can no longer be told.
            send: takes the assignments of sd_notify(3), a line each; may raise OSError.
        """
        self._complain = complain
        self._write = send
        self._broken = False
        self._status = ""

    def ready(self, status: str) -> None:
        """Tell that the service has started, or has reloaded its configuration."""
        self._status = status
        self._send(f"READY=1\nSTATUS={status}")

    def status(self, status: str) -> None:
        """Tell what the service does, if that has changed."""
        if status != self._status:
            self._status = status
            self._send(f"STATUS={status}")

    def reloading(self) -> None:
        """Tell that the configuration is being read again."""
        now = time.clock_gettime_ns(time.CLOCK_MONOTONIC) // 1000
        self._send(f"RELOADING=1\nMONOTONIC_USEC={now}")

    def stopping(self) -> None:
        """Tell that the service is coming to its end."""
        self._send("STOPPING=1\nSTATUS=Stopping")

    def feed_watchdog(self) -> None:
        """Tell that the service lives."""
        self._send("WATCHDOG=1")

    def _send(self, assignments: str) -> None:
        try:
            self._write(assignments)
        except OSError as error:
            if not self._broken:
                self._complain(f"systemd cannot be told how Auricle is doing: {error}")
            self._broken = True
        else:
            self._broken = False


class Watchdog:
    """Decides when systemd's watchdog is fed."""

    def __init__(
        self,
        seconds: float,
        heard_at: Callable[[], float],
        feed: Callable[[], None],
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        """Feed a watchdog that bites after `seconds` without food.

        Args:
            seconds: as systemd has it.
            heard_at: when the last sound, or beat of the audio thread, was dealt with.
            feed: feeds it.
            clock: the one that `heard_at` is on.
        """
        self.interval = seconds / 4  # between two calls of `check`
        self._patience = seconds / 2  # a slow device may take seconds to open
        self._heard_at = heard_at
        self._feed = feed
        self._clock = clock

    def check(self) -> bool:
        """Feed it if there was progress lately; return whether there was."""
        progress = self._clock() - self._heard_at() < self._patience
        if progress:
            self._feed()
        return progress


def watchdog_seconds(environment: Mapping[str, str] = os.environ) -> float | None:
    """Return how often systemd wants to be told that we live; None if it does not watch us."""
    if environment.get("WATCHDOG_PID", str(os.getpid())) != str(os.getpid()):
        return None
    period = environment.get("WATCHDOG_USEC", "")
    return int(period) * MICROSECOND if period.isdigit() and int(period) > 0 else None
