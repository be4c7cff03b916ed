"""Done callbacks for asyncio tasks and futures, and work in threads that do not delay the exit."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable
from concurrent.futures import Future
from typing import Any, TypeVar

Value = TypeVar("Value")


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


def in_daemon_thread(work: Callable[[], Value], name: str) -> asyncio.Future[Value]:
    """Run `work` in a thread of its own, which does not delay the exit of the process.

    Long work in native code, such as loading a model, cannot be cancelled. With asyncio.to_thread
    the event loop would wait for it at the end.
    """
    outcome: Future[Value] = Future()

    def run() -> None:
        if not outcome.set_running_or_notify_cancel():
            return
        try:
            value = work()
        except BaseException as error:  # raised again where the outcome is awaited
            outcome.set_exception(error)
        else:
            outcome.set_result(value)

    threading.Thread(target=run, name=name, daemon=True).start()
    return asyncio.wrap_future(outcome)
