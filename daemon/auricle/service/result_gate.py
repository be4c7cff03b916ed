"""Holds a `Final` until the reranker answers or its budget ends, and keeps reports in order.

Reports that arrive meanwhile, such as the next `Wake`, wait behind it. Everything runs on the event
loop without blocking it.
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Awaitable, Callable
from typing import Generic, TypeVar

from auricle.events import Final
from auricle.tasks import raise_fault

Report = TypeVar("Report")


class ResultGate(Generic[Report]):
    """Call `take` with every report, and `close` at the end."""

    def __init__(
        self,
        pass_on: Callable[[Report], None],
        improve: Callable[[Final], Awaitable[Final]],
        enabled: Callable[[], bool],
    ) -> None:
        """Start empty.

        Args:
            pass_on: takes the released reports.
            improve: returns the reranked result within a bounded time; called for one result at a
                time.
            enabled: whether results are reranked at present.
        """
        self._pass_on = pass_on
        self._improve = improve
        self._enabled = enabled
        self._waiting: deque[Report] = deque()
        self._work: asyncio.Task[None] | None = None

    def take(self, report: Report) -> None:
        """Release a report now, or after the waiting ones."""
        self._waiting.append(report)
        if self._work is None:
            self._release_ready()
        if self._waiting and self._work is None:
            self._work = asyncio.ensure_future(self._improve_waiting())
            self._work.add_done_callback(raise_fault)

    async def settled(self) -> None:
        """Wait until all reports so far are released."""
        if self._work is not None:
            await asyncio.wait([self._work])

    async def close(self) -> None:
        """Release all waiting reports unchanged."""
        if self._work is not None:
            self._work.cancel()
            await asyncio.gather(self._work, return_exceptions=True)
        self._release_unchanged()

    def _release_ready(self) -> None:
        """Release reports up to the first result to rerank."""
        while self._waiting:
            if isinstance(self._waiting[0], Final) and self._enabled():
                return
            self._pass_on(self._waiting.popleft())

    async def _improve_waiting(self) -> None:
        try:
            while self._waiting:
                first = self._waiting[0]
                improved = await self._improve(first) if isinstance(first, Final) else first
                self._waiting.popleft()
                self._pass_on(improved)  # type: ignore[arg-type] # improve returns a Final
                self._release_ready()
        finally:
            self._work = None
            self._release_unchanged()  # after cancellation or a fault

    def _release_unchanged(self) -> None:
        while self._waiting:
            self._pass_on(self._waiting.popleft())
