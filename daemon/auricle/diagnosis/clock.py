"""Whether the clock of the day runs evenly and is set right.

Auricle counts by samples and by the monotonic clock, so that a jump harms no session; but the
journal, and the record of what left the device, are only as right as the clock of the day.
"""

from __future__ import annotations

import ctypes
import datetime
import time
from collections.abc import Callable

from auricle.diagnosis.finding import Finding, FindingStatus

JUMP_SECONDS = 0.1
TIME_ERROR = 5  # what adjtimex(2) returns while nothing keeps the clock right
TIMEX_BYTES = 512  # more than its struct timex has anywhere
EARLIEST = datetime.datetime(2026, 1, 1, tzinfo=datetime.UTC)  # it is later than this
SYNCHRONISE = "connect to the network and enable systemd-timesyncd or chrony"


class ClockWatch:
    """Compares the clock of the day with the monotonic one, from its making to `conclude`."""

    def __init__(
        self,
        day: Callable[[], float] = time.time,
        steady: Callable[[], float] = time.monotonic,
    ) -> None:
        self._day = day
        self._steady = steady
        self._begin = (day(), steady())

    def conclude(self) -> Finding:
        """Return whether the clock of the day has jumped since."""
        steady = self._steady() - self._begin[1]
        jump = self._day() - self._begin[0] - steady
        if abs(jump) < JUMP_SECONDS:
            return Finding("clock", FindingStatus.OK, f"it ran evenly for {steady:.1f} s")
        return Finding(
            "clock",
            FindingStatus.WARNING,
            f"the clock of the day jumped by {jump:+.1f} s within {steady:.1f} s",
            "let one program alone set it; times in the journal cannot be trusted until then",
        )


def examine_synchronisation(
    kernel: Callable[[], int] | None = None,
    now: Callable[[], datetime.datetime] = lambda: datetime.datetime.now(datetime.UTC),
) -> Finding:
    """Return whether something keeps the clock of the day right.

    Args:
        kernel: returns what adjtimex(2) returns; None: ask it.
        now: the clock of the day.
    """
    if now() < EARLIEST:
        found = f"the clock says {now():%Y-%m-%d}: it is not set"
        return Finding("time", FindingStatus.WARNING, found, SYNCHRONISE)
    state = (kernel or _clock_state)()
    if state < 0:
        return Finding(
            "time", FindingStatus.OK, "the system does not tell whether it is synchronised"
        )
    if state == TIME_ERROR:
        found = "nothing keeps the clock right; times in the journal may be wrong"
        return Finding("time", FindingStatus.WARNING, found, SYNCHRONISE)
    return Finding("time", FindingStatus.OK, "the clock is synchronised")


def _clock_state() -> int:
    """Return what adjtimex(2) says without changing anything; -1 where it says nothing."""
    adjtimex = getattr(ctypes.CDLL(None), "adjtimex", None)
    return int(adjtimex(ctypes.create_string_buffer(TIMEX_BYTES))) if adjtimex else -1
