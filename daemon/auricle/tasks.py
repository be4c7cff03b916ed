"""Done callbacks for asyncio tasks and futures."""

from __future__ import annotations

import asyncio
from typing import Any


def raise_fault(task: asyncio.Task[Any]) -> None:
    """Raise the exception of a task now, so that the event loop's exception handler reports it.

    asyncio itself reports it only when the task is garbage-collected.
    """
    if not task.cancelled():
        task.result()


def retrieve(future: asyncio.Future[Any]) -> None:
    """Read the exception of a future, so that asyncio does not log it as never retrieved."""
    if not future.cancelled():
        future.exception()
