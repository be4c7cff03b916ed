"""SIGTERM and SIGINT stop a run after the current step."""

from __future__ import annotations

import signal
from types import FrameType

SIGNALS = (signal.SIGINT, signal.SIGTERM)


class Interruption:
    """Context manager that stores a signal in `signal` instead of ending the process."""

    def __init__(self) -> None:
        self.signal: int | None = None

    def __enter__(self) -> Interruption:
        self._before = [signal.signal(number, self._remember) for number in SIGNALS]
        return self

    def __exit__(self, *error: object) -> None:
        for number, before in zip(SIGNALS, self._before, strict=True):
            signal.signal(number, before)

    def _remember(self, number: int, frame: FrameType | None) -> None:
        self.signal = number


def leave_to_parent(_: int) -> None:
    """Make a worker process ignore the signals; its parent ends it."""
    for number in SIGNALS:
        signal.signal(number, signal.SIG_IGN)
