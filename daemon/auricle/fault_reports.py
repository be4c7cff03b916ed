"""What is written about an error that nobody foresaw: its type and its place, never its text.

The text of an error may hold the value that caused it, and so what was said; tracebacks and the
event loop's own complaints do too. What libraries log is told in the same way.
"""

from __future__ import annotations

import asyncio
import logging
import traceback
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, TypeAlias

Tell: TypeAlias = Callable[[str], None]  # takes one sentence

_OWN = "auricle"  # loggers of this name and below it keep to what may be told


def place_of(error: BaseException) -> str:
    """Return the type of an error, and the file and line that raised it."""
    frames = traceback.extract_tb(error.__traceback__)
    if not frames:
        return type(error).__name__
    return f"{type(error).__name__} at {_place(frames[-1].filename, frames[-1].lineno)}"


class FaultHandler(logging.Handler):
    """Tells of warnings and errors that this program or a library logs."""

    def __init__(self, tell: Tell) -> None:
        """Call `tell` with a sentence on each."""
        super().__init__(logging.WARNING)
        self._tell = tell

    def emit(self, record: logging.LogRecord) -> None:
        """Tell of a record; of one by a library only where it comes from."""
        if record.name.partition(".")[0] == _OWN:
            sentence = record.getMessage()
        else:
            place = _place(record.pathname, record.lineno)
            sentence = f"the library logger {record.name} complains at {place}"
        if record.exc_info is not None and record.exc_info[1] is not None:
            sentence += f": {place_of(record.exc_info[1])}"
        self._tell(sentence)


@contextmanager
def faults_told(loop: asyncio.AbstractEventLoop, tell: Tell) -> Iterator[None]:
    """Tell what the event loop, this program and libraries complain of, until the end."""

    def on_exception(_: asyncio.AbstractEventLoop, context: dict[str, Any]) -> None:
        # The loop's own message shows futures with their results: it is left out.
        error = context.get("exception")
        tell(f"a callback failed: {place_of(error)}" if error else "the event loop complains")

    handler = FaultHandler(tell)
    root = logging.getLogger()
    root.addHandler(handler)
    loop.set_exception_handler(on_exception)
    try:
        yield
    finally:
        loop.set_exception_handler(None)
        root.removeHandler(handler)


def _place(filename: str, line: int | None) -> str:
    path = Path(filename)
    return f"{path.parent.name}/{path.name}:{line}"
