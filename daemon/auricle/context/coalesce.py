"""Tells of changes no faster than somebody can follow: at most one a quarter of a second.

In: `mark` for each change, however many. Out: calls of `give`, one after another, the first at
once, the last after the last change.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable

from auricle.errors import BusyError
from auricle.tasks import raise_fault

PAUSE_SECONDS = 0.25


class HandOver:
    """Use `mark`; at the end `close`. All of it happens on the event loop."""

    def __init__(self, give: Callable[[], Awaitable[None]], pause: float = PAUSE_SECONDS) -> None:
        """Call `give`, which may raise BusyError to be called again, at most each `pause` s."""
        self._give = give
        self._pause = pause
        self._changed = False
        self._giving: asyncio.Task[None] | None = None

    def mark(self) -> None:
        """Note that there is something new."""
        self._changed = True
        if self._giving is None or self._giving.done():
            self._giving = asyncio.ensure_future(self._give_until_told())
            self._giving.add_done_callback(raise_fault)

    async def close(self) -> None:
        """Tell nothing more."""
        if self._giving is not None:
            self._giving.cancel()
            await asyncio.gather(self._giving, return_exceptions=True)

    async def _give_until_told(self) -> None:
        while self._changed:
            self._changed = False
            try:
                await self._give()
            except BusyError:
                self._changed = True
            await asyncio.sleep(self._pause)
