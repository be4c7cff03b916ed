"""On whose behalf the current task works, for limits per client.

asyncio hands the value on to the tasks that a task starts. Work that no client has asked for has no
origin.
"""

from __future__ import annotations

from contextvars import ContextVar

_ORIGIN: ContextVar[str] = ContextVar("origin", default="")


def working_for(client: str) -> None:
    """Say that the current task works for a client."""
    _ORIGIN.set(client)


def origin() -> str:
    """Return the client for which the current task works; empty if there is no such client."""
    return _ORIGIN.get()
