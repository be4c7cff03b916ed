"""An example client: starts a session and prints its events. The daemon must be running.

python tools/example_client.py [session|system]
"""

from __future__ import annotations

import asyncio
import sys

from auricle.client.client import AssistantClient
from auricle.errors import AuricleError

ENDS = {"final", "cancelled", "error"}


async def main(bus: str) -> None:
    """Listen once. The session belongs to this client and is cancelled when it disconnects."""
    async with AssistantClient(bus) as client:
        session = await client.listen(maximum_seconds=6.0)
        print("speak:", session)
        async for name, fields in client.events():
            print(name, fields)
            if name in ENDS:
                break
        if name == "final":
            for text, score in await client.nbest(session, 3):
                print(f"{score:8.2f}  {text}")


try:
    asyncio.run(main(sys.argv[1] if len(sys.argv) > 1 else "session"))
except AuricleError as problem:
    sys.exit(str(problem))
