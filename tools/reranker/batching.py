"""Joins what comes at about the same time into one batch, and turns away what would wait too long.

In: questions, one by one, from many connections. Out: what becomes of each. The first question of
a batch waits a few milliseconds for others; while a batch is computed, in one thread, the next one
gathers. A full queue is `BusyError`, at once; so is a wait so long that whoever asked has most
likely gone on without an answer: then nothing is computed for nobody, and what is computed is new.
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
    """So many wait already that one more would wait too long."""


@dataclass(frozen=True, slots=True, kw_only=True)
class BatchOptions:
    """How questions are joined."""

    window_seconds: float = 0.004  # for which the first of a batch waits for others
    at_once: int = 16  # questions of a batch
    waiting: int = 64  # questions that may wait; more are turned away
    patience_seconds: float = 0.5  # what has waited longer is turned away; a relay waits 0.3


@dataclass(frozen=True, slots=True)
class _Entry(Generic[Asked, Found]):
    """A question that waits."""

    asked: Asked
    answer: asyncio.Future[Found]
    came: float  # seconds, monotonic


class Batches(Generic[Asked, Found]):
    """Use as `async with Batches(work) as batches`."""

    def __init__(
        self, work: Callable[[Sequence[Asked]], Sequence[Found]], options: BatchOptions
    ) -> None:
        """Take what makes a result of each of many; it is called in a thread of its own."""
        self._work = work
        self._options = options
        self._queue: deque[_Entry[Asked, Found]] = deque()
        self._some = asyncio.Event()
        self._thread = ThreadPoolExecutor(1, "batches")
        self._running: asyncio.Task[None] | None = None

    async def __aenter__(self) -> Batches[Asked, Found]:
        """Begin."""
        self._running = asyncio.ensure_future(self._run())
        return self

    async def __aexit__(self, *error: object) -> None:
        """End; who still waits is told that it was cancelled."""
        if self._running is not None:
            self._running.cancel()
            await asyncio.gather(self._running, return_exceptions=True)
        for entry in self._queue:
            entry.answer.cancel()
        self._thread.shutdown()

    @property
    def waiting(self) -> int:
        """How many questions wait."""
        return len(self._queue)

    async def ask(self, asked: Asked) -> Found:
        """Return what becomes of a question; raises BusyError, and whatever the work raises."""
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
        """Let each of a batch know what has become of it."""
        asked = [entry.asked for entry in batch]
        waiting = [entry.answer for entry in batch]
        try:
            work = asyncio.get_running_loop().run_in_executor(self._thread, self._work, asked)
            found = await work
        except asyncio.CancelledError:
            for answer in waiting:
                answer.cancel()
            raise
        except Exception as error:  # it is told to those who asked, and the next batch goes on
            for answer in waiting:
                if not answer.done():
                    answer.set_exception(error)
            return
        for answer, one in zip(waiting, found, strict=True):
            if not answer.done():  # whoever asked may have gone
                answer.set_result(one)

    def _take(self) -> list[_Entry[Asked, Found]]:
        """Take the next batch from the queue, without those who have gone, or most likely have."""
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
