"""Checks whether the system clock runs evenly and is synchronized.

Auricle counts samples and uses the monotonic clock, so a jump does not affect sessions. But the
times in the journal and in the audit log of sent lattices come from the system clock.
"""

from __future__ import annotations

import ctypes
import datetime
import time
from collections.abc import Callable

from auricle.diagnosis.finding import Finding, FindingStatus

JUMP_SECONDS = 0.1
TIME_ERROR = 5  # returned by adjtimex(2) if the clock is not synchronized
TIMEX_BYTES = 512  # more than the size of struct timex on any platform
EARLIEST = datetime.datetime(2026, 1, 1, tzinfo=datetime.UTC)  # an earlier date is wrong
SYNCHRONISE = "connect to the network and enable systemd-timesyncd or chrony"


class ClockWatch:
    """Compares the system clock with the monotonic clock, from construction to `conclude`."""

    def __init__(
        self,
        day: Callable[[], float] = time.time,
        steady: Callable[[], float] = time.monotonic,
    ) -> None:
        self._day = day
        self._steady = steady
        self._begin = (day(), steady())

    def conclude(self) -> Finding:
        """Return a finding that says whether the system clock has jumped."""
        steady = self._steady() - self._begin[1]
        jump = self._day() - self._begin[0] - steady
        if abs(jump) < JUMP_SECONDS:
            return Finding("clock", FindingStatus.OK, f"it ran evenly for {steady:.1f} s")
        return Finding(
            "clock",
            FindingStatus.WARNING,
            f"the system clock jumped by {jump:+.1f} s within {steady:.1f} s",
            "let only one program set the clock; until then, times in the journal are unreliable",
        )


def examine_synchronisation(
    kernel: Callable[[], int] | None = None,
    now: Callable[[], datetime.datetime] = lambda: datetime.datetime.now(datetime.UTC),
) -> Finding:
    """Return a finding that says whether the system clock is synchronized.

    Args:
        kernel: returns the result of adjtimex(2); None: call it.
        now: returns the time of the system clock.
    """
    if now() < EARLIEST:
        found = f"the clock shows {now():%Y-%m-%d}: it is not set"
        return Finding("time", FindingStatus.WARNING, found, SYNCHRONISE)
    state = (kernel or _clock_state)()
    if state < 0:
        return Finding(
            "time", FindingStatus.OK, "the system does not report whether it is synchronized"
        )
    if state == TIME_ERROR:
        found = "the clock is not synchronized; times in the journal may be wrong"
        return Finding("time", FindingStatus.WARNING, found, SYNCHRONISE)
    return Finding("time", FindingStatus.OK, "the clock is synchronized")


def _clock_state() -> int:
    """Return the result of a read-only adjtimex(2) call; -1 if it is not available."""
    adjtimex = getattr(ctypes.CDLL(None), "adjtimex", None)
    return int(adjtimex(ctypes.create_string_buffer(TIMEX_BYTES))) if adjtimex else -1
