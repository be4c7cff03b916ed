"""Between what is heard and who is told: a final result may wait a little for a better reader.

In: reports, in their order. Out: the same, in the same order; a `Final` as the reader has changed
it. What comes while one waits, as the next wake word, waits behind it. All of it happens on the
event loop, which goes on meanwhile.
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
    """Use `take` for every report; at the end `close`."""

    def __init__(
        self,
        pass_on: Callable[[Report], None],
        improve: Callable[[Final], Awaitable[Final]],
        wanted: Callable[[], bool],
    ) -> None:
        """Begin with nothing that waits.

        Args:
            pass_on: takes the reports.
            improve: returns a result as it is passed on, in a bounded time; called for one after
                another.
            wanted: whether a result need wait at all.
        """
        self._pass_on = pass_on
        self._improve = improve
        self._wanted = wanted
        self._waiting: deque[Report] = deque()
        self._work: asyncio.Task[None] | None = None

    def take(self, report: Report) -> None:
        """Pass a report on, now or after those that wait."""
        self._waiting.append(report)
        if self._work is None:
            self._pass_all()
        if self._waiting and self._work is None:
            self._work = asyncio.ensure_future(self._pass_slowly())
            self._work.add_done_callback(raise_fault)

    async def settled(self) -> None:
        """Wait until all that was taken so far has been passed on."""
        if self._work is not None:
            await asyncio.wait([self._work])

    async def close(self) -> None:
        """Pass on all that waits, as it is."""
        if self._work is not None:
            self._work.cancel()
            await asyncio.gather(self._work, return_exceptions=True)
        self._pass_as_it_is()

    def _pass_all(self) -> None:
        """Pass on what need not wait."""
        while self._waiting:
            if isinstance(self._waiting[0], Final) and self._wanted():
                return
            self._pass_on(self._waiting.popleft())

    async def _pass_slowly(self) -> None:
        try:
            while self._waiting:
                first = self._waiting[0]
                improved = await self._improve(first) if isinstance(first, Final) else first
                self._waiting.popleft()
                self._pass_on(improved)  # type: ignore[arg-type] # what improves a Final gives one
                self._pass_all()
        finally:
            self._work = None
            self._pass_as_it_is()  # at the end of the daemon, or after a fault

    def _pass_as_it_is(self) -> None:
        while self._waiting:
            self._pass_on(self._waiting.popleft())
