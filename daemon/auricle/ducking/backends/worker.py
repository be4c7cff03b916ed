"""A thread for calls that may wait for ever, as those of a sound library whose server is stopped.

In: calls, from the event loop. Out: what they return. While one waits, others are refused at once.
The thread does not keep the process from ending, however long its call waits.
"""

from __future__ import annotations

import asyncio
import queue
import threading
from collections.abc import Callable
from typing import Any, TypeVar

from auricle.errors import SoundError
from auricle.tasks import retrieve

T = TypeVar("T")


class PulseWorker:
    """Use `call`; at the end `close`."""

    def __init__(self, name: str) -> None:
        """Start the thread; `name` says what it is for."""
        self._name = name
        self._calls: queue.SimpleQueue[Callable[[], None] | None] = queue.SimpleQueue()
        self._stuck: asyncio.Future[Any] | None = None  # was given up, and is not over
        self._thread = threading.Thread(target=self._run, name=name, daemon=True)
        self._thread.start()

    async def call(self, function: Callable[[], T]) -> T:
        """Return what `function` returns in the thread, or raise what it raises.

        Raises:
            SoundError: an earlier call is not over that was given up.
        """
        if self._stuck is not None and not self._stuck.done():
            raise SoundError(f"{self._name} does not answer; restart the sound server")
        loop = asyncio.get_running_loop()
        future: asyncio.Future[T] = loop.create_future()

        def work() -> None:
            try:
                result = function()
            except BaseException as error:  # whatever it is, the caller must not wait in vain
                _post(loop, future, None, error)
            else:
                _post(loop, future, result, None)

        self._calls.put(work)
        try:
            return await asyncio.shield(future)
        except asyncio.CancelledError:
            self._stuck = future
            future.add_done_callback(retrieve)
            raise

    def close(self) -> None:
        """Let the thread end after the calls that wait."""
        self._calls.put(None)

    def _run(self) -> None:
        while (work := self._calls.get()) is not None:
            work()


def _post(
    loop: asyncio.AbstractEventLoop,
    future: asyncio.Future[Any],
    result: object,
    error: BaseException | None,
) -> None:
    def settle() -> None:
        if future.done():
            return
        if error is not None:
            future.set_exception(error)
        else:
            future.set_result(result)

    try:
        loop.call_soon_threadsafe(settle)
    except RuntimeError:  # the loop has ended, and nobody waits any more
        return
