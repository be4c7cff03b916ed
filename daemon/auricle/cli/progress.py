"""A line on a terminal that shows what a command is doing."""

from __future__ import annotations

import shutil
import sys
import time
from collections.abc import Iterable, Iterator
from typing import TextIO

from auricle.audio.format import FRAME_SECONDS, Frame

INTERVAL = 0.25  # seconds between two updates
ERASE = "\r\x1b[K"  # to the start of the line, and clear it (ECMA-48)


class StatusLine:
    """A line on standard error, if that is a terminal; it replaces the one shown before."""

    def __init__(self, stream: TextIO | None = None) -> None:
        """Write to `stream`; None: standard error."""
        self._stream = stream or sys.stderr
        self.enabled = self._stream.isatty()
        self._shown = False

    def show(self, text: str) -> None:
        """Show the end of a text, as much as fits."""
        if not self.enabled:
            return
        columns = shutil.get_terminal_size().columns
        self._shown = True
        self._stream.write(ERASE + text[-(columns - 1) :])
        self._stream.flush()

    def clear(self) -> None:
        """Remove the line, so that other output can be written."""
        if self._shown:
            self._shown = False
            self._stream.write(ERASE)
            self._stream.flush()


class ProgressLine(StatusLine):
    """Shows the position in a recording."""

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
            if self.enabled and now - shown >= INTERVAL:
                shown = now
                position = count * FRAME_SECONDS
                speed = position / (now - begin)
                self.show(f"{name}: {clock_time(position)}{whole}, {speed:.1f} x real time")
            yield frame
        self.clear()


def clock_time(seconds: float) -> str:
    """Return a time as hours, minutes and seconds."""
    minutes, rest = divmod(int(seconds), 60)
    return f"{minutes // 60}:{minutes % 60:02}:{rest:02}"
