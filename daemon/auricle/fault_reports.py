"""Reports of unexpected errors: their type and location, never their text.

The text of an error, a traceback, or a message of the event loop may contain the value that caused
it, and thus private speech. Log records of libraries are reduced in the same way.
"""

from __future__ import annotations

import asyncio
import logging
import traceback
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, TypeAlias

Tell: TypeAlias = Callable[[str], None]  # reports one sentence

_OWN = "auricle"  # this logger and its children never log private speech


def place_of(error: BaseException) -> str:
    """Return the type of an error and the file and line that raised it."""
    frames = traceback.extract_tb(error.__traceback__)
    if not frames:
        return type(error).__name__
    return f"{type(error).__name__} at {_place(frames[-1].filename, frames[-1].lineno)}"


class FaultHandler(logging.Handler):
    """Reports warnings and errors logged by this program or a library."""

    def __init__(self, tell: Tell) -> None:
        """Call `tell` with one sentence per log record."""
        super().__init__(logging.WARNING)
        self._tell = tell

    def emit(self, record: logging.LogRecord) -> None:
        """Report a log record; for a library's record report only its location."""
        if record.name.partition(".")[0] == _OWN:
            sentence = record.getMessage()
        else:
            place = _place(record.pathname, record.lineno)
            sentence = f"the library logger {record.name} reports a problem at {place}"
        if record.exc_info is not None and record.exc_info[1] is not None:
            sentence += f": {place_of(record.exc_info[1])}"
        self._tell(sentence)


@contextmanager
def faults_told(loop: asyncio.AbstractEventLoop, tell: Tell) -> Iterator[None]:
    """Report errors of the event loop, this program and libraries until the context ends."""

    def on_exception(_: asyncio.AbstractEventLoop, context: dict[str, Any]) -> None:
        # The loop's own message may show the results of futures, so it is left out.
        error = context.get("exception")
        problem = f"a callback failed: {place_of(error)}" if error else None
        tell(problem or "the event loop reports a problem")

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
