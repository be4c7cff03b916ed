"""Restarts the recording that a daemon uses as input, and returns the result."""

from __future__ import annotations

import asyncio

from auricle.client.client import AssistantClient
from testbed.errors import StageError
from testbed.patience import patience

SECONDS = 30.0  # timeout
MOST_READINGS = 10


async def hear_again(bus: str) -> tuple[dict[str, object], list[str]]:
    """Mute and unmute; return the fields of the final event and the texts of the n-best list."""
    async with AssistantClient(bus) as client, asyncio.timeout(patience(SECONDS)):
        await client.subscribe()
        await client.set_muted(True)
        await client.set_muted(False)
        async for name, fields in client.events():
            if name == "final":
                nbest = await client.nbest(str(fields["session"]), MOST_READINGS)
                return fields, [text for text, _ in nbest]
    raise StageError("the daemon stopped without a final result")
