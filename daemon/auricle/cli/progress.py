"""A line on a terminal that shows how far a recording has been processed."""

from __future__ import annotations

import sys
import time
from collections.abc import Iterable, Iterator
from typing import TextIO

from auricle.audio.format import FRAME_SECONDS, Frame

INTERVAL = 0.25  # seconds between two updates
ERASE = "\r\x1b[K"  # to the start of the line, and clear it (ECMA-48)


class ProgressLine:
    """Shows the position in a recording on standard error, if that is a terminal."""

    def __init__(self, stream: TextIO | None = None) -> None:
        """Write to `stream`; None: standard error."""
        self._stream = stream or sys.stderr
        self._enabled = self._stream.isatty()
        self._shown = False

    def follow(self, frames: Iterable[Frame], name: str, seconds: float | None) -> Iterator[Frame]:
        """Yield audio frames and show their position.

        Args:
            frames: the recording.
            name: name of the recording.
            seconds: its length; None: unknown.
        """
        begin = shown = time.monotonic()
        whole = "" if seconds is None else f" of {clock_time(seconds)}"
        for count, frame in enumerate(frames, start=1):
            now = time.monotonic()
            if self._enabled and now - shown >= INTERVAL:
                shown = now
                position = count * FRAME_SECONDS
                speed = position / (now - begin)
                self._show(f"{name}: {clock_time(position)}{whole}, {speed:.1f} x real time")
            yield frame
        self.clear()

    def clear(self) -> None:
        """Remove the line, so that other output can be written."""
        if self._shown:
            self._shown = False
            self._stream.write(ERASE)
            self._stream.flush()

    def _show(self, text: str) -> None:
        self._shown = True
        self._stream.write(ERASE + text)
        self._stream.flush()


def clock_time(seconds: float) -> str:
    """Return a time as hours, minutes and seconds."""
    minutes, rest = divmod(int(seconds), 60)
    return f"{minutes // 60}:{minutes % 60:02}:{rest:02}"
