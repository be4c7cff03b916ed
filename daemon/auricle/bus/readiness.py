"""Holds calls back while the daemon starts: it owns its bus name before its models are loaded.

Properties can be read meanwhile. A call waits until the daemon is ready. If that takes too long, it
fails with `Starting`, before the caller's own time-out (25 s in most D-Bus libraries).
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import replace
from typing import TypeVar

from auricle.dbus.interface import Interface
from auricle.errors import StartingError

Value = TypeVar("Value")

WAIT_SECONDS = 20.0
MOST_WAITING = 256  # calls


class Readiness:
    """Whether the daemon is ready, and the calls that wait for it."""

    def __init__(self, *, ready: bool, wait_seconds: float = WAIT_SECONDS) -> None:
        """Let calls pass at once if `ready`, else after `set`."""
        self._event = asyncio.Event()
        self._wait_seconds = wait_seconds
        self._waiting = 0
        if ready:
            self._event.set()

    def set(self) -> None:
        """Let all calls pass."""
        self._event.set()

    async def wait(self) -> None:
        """Return when the daemon is ready.

        Raises:
            StartingError: it is not ready in time, or too many calls wait already.
        """
        if self._event.is_set():
            return
        if self._waiting >= MOST_WAITING:
            raise StartingError("Auricle is starting, and many calls wait for it; try again later")
        self._waiting += 1
        try:
            async with asyncio.timeout(self._wait_seconds):
                await self._event.wait()
        except TimeoutError as error:
            raise StartingError("Auricle is starting; try again in a few seconds") from error
        finally:
            self._waiting -= 1

    def guarded(self, interface: Interface) -> Interface:
        """Return the interface with methods and property setters that wait until it is ready."""
        return replace(
            interface,
            methods=tuple(
                replace(method, call=self._after(method.call)) for method in interface.methods
            ),
            properties=tuple(
                replace(entry, set=entry.set and self._after(entry.set))
                for entry in interface.properties
            ),
        )

    def _after(self, call: Callable[..., Awaitable[Value]]) -> Callable[..., Awaitable[Value]]:
        async def call_when_ready(*arguments: object) -> Value:
            await self.wait()
            return await call(*arguments)

        return call_when_ready
