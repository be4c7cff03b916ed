"""Batches concurrent questions, and rejects those that would wait too long.

In: questions from many connections. Out: a result for each. The first question of a batch waits a
few milliseconds for others. While one thread computes a batch, the next one fills. A full queue
raises `BusyError` at once. A question that waited too long gets `BusyError` too, because its client
has most likely given up.
"""

from __future__ import annotations

import asyncio
import time
from collections import deque
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Generic, TypeVar

Asked = TypeVar("Asked")
Found = TypeVar("Found")


class BusyError(Exception):
    """The queue is full, or the question waited too long."""


@dataclass(frozen=True, slots=True, kw_only=True)
class BatchOptions:
    """How questions are batched."""

    window_seconds: float = 0.004  # time that the first question of a batch waits for others
    at_once: int = 16  # maximum questions per batch
    waiting: int = 64  # maximum questions in the queue; more are rejected
    patience_seconds: float = 0.5  # longer waiting questions are rejected; a relay waits 0.3 s


@dataclass(frozen=True, slots=True)
class _Entry(Generic[Asked, Found]):
    """A question in the queue."""

    asked: Asked
    answer: asyncio.Future[Found]
    came: float  # arrival time, seconds of the monotonic clock


class Batches(Generic[Asked, Found]):
    """Queue and worker; use as `async with Batches(work, options) as batches`."""

    def __init__(
        self, work: Callable[[Sequence[Asked]], Sequence[Found]], options: BatchOptions
    ) -> None:
        """Store the function that computes the results of a batch; it runs in its own thread."""
        self._work = work
        self._options = options
        self._queue: deque[_Entry[Asked, Found]] = deque()
        self._some = asyncio.Event()
        self._thread = ThreadPoolExecutor(1, "batches")
        self._running: asyncio.Task[None] | None = None

    async def __aenter__(self) -> Batches[Asked, Found]:
        """Start the worker."""
        self._running = asyncio.ensure_future(self._run())
        return self

    async def __aexit__(self, *error: object) -> None:
        """Stop the worker and cancel the waiting questions."""
        if self._running is not None:
            self._running.cancel()
            await asyncio.gather(self._running, return_exceptions=True)
        for entry in self._queue:
            entry.answer.cancel()
        self._thread.shutdown()

    @property
    def waiting(self) -> int:
        """Number of waiting questions."""
        return len(self._queue)

    async def ask(self, asked: Asked) -> Found:
        """Return the result of a question.

        Raises:
            BusyError: the queue is full, or the question waited too long.
            Exception: any error of the function that computes the batch.
        """
        if len(self._queue) >= self._options.waiting:
            raise BusyError
        answer: asyncio.Future[Found] = asyncio.get_running_loop().create_future()
        self._queue.append(_Entry(asked, answer, time.monotonic()))
        self._some.set()
        return await answer

    async def _run(self) -> None:
        while True:
            await self._some.wait()
            if len(self._queue) < self._options.at_once:
                await asyncio.sleep(self._options.window_seconds)
            batch = self._take()
            if batch:
                await self._answer(batch)

    async def _answer(self, batch: list[_Entry[Asked, Found]]) -> None:
        """Compute a batch and set the result of each question."""
        asked = [entry.asked for entry in batch]
        waiting = [entry.answer for entry in batch]
        try:
            work = asyncio.get_running_loop().run_in_executor(self._thread, self._work, asked)
            found = await work
        except asyncio.CancelledError:
            for answer in waiting:
                answer.cancel()
            raise
        except Exception as error:  # passed on to the callers of `ask`; the worker continues
            for answer in waiting:
                if not answer.done():
                    answer.set_exception(error)
            return
        for answer, one in zip(waiting, found, strict=True):
            if not answer.done():  # done if the caller was cancelled
                answer.set_result(one)

    def _take(self) -> list[_Entry[Asked, Found]]:
        """Take the next batch from the queue, without cancelled and expired questions."""
        oldest = time.monotonic() - self._options.patience_seconds
        batch: list[_Entry[Asked, Found]] = []
        while self._queue and len(batch) < self._options.at_once:
            entry = self._queue.popleft()
            if entry.answer.done():
                continue
            if entry.came < oldest:
                entry.answer.set_exception(BusyError())
            else:
                batch.append(entry)
        if not self._queue:
            self._some.clear()
        return batch
