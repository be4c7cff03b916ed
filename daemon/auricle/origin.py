"""The client for which the current task works, for limits per client.

A task that starts another one passes its client on, as asyncio copies the context. Work that no
client has requested has no origin.
"""

from __future__ import annotations

from contextvars import ContextVar

_ORIGIN: ContextVar[str] = ContextVar("origin", default="")


def working_for(client: str) -> None:
    """Set the client for which the current task works."""
    _ORIGIN.set(client)


def origin() -> str:
    """Return the client for which the current task works; empty if there is no such client."""
    return _ORIGIN.get()
