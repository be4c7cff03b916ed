"""Coalesces changes to at most one call per 250 ms.

In: `mark` for each change. Out: calls of `give`, one at a time: the first one at once, the last one
after the last change.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable

from auricle.errors import BusyError
from auricle.tasks import raise_fault

PAUSE_SECONDS = 0.25


class HandOver:
    """Calls a function after changes, at a limited rate.

    Use it on the event loop, and call `close` at the end.
    """

    def __init__(self, give: Callable[[], Awaitable[None]], pause: float = PAUSE_SECONDS) -> None:
        """Set the function.

        Args:
            give: called after changes; if it raises BusyError, it is called again.
            pause: minimum seconds between two calls.
        """
        self._give = give
        self._pause = pause
        self._changed = False
        self._giving: asyncio.Task[None] | None = None

    def mark(self) -> None:
        """Schedule a call."""
        self._changed = True
        if self._giving is None or self._giving.done():
            self._giving = asyncio.ensure_future(self._give_until_told())
            self._giving.add_done_callback(raise_fault)

    async def close(self) -> None:
        """Cancel pending calls."""
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
