"""The process of `auricle actions`: receives results on D-Bus and runs the programs with them.

In: the sessions that a wake word has begun; those of clients are private. Out: one run of all
programs per result, in order. While programs run, a few results wait; then the oldest is dropped.
"""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable
from pathlib import Path

from auricle.actions.programs import run_programs
from auricle.client.client import AssistantClient
from auricle.client.final_result import final_result
from auricle.errors import AuricleError, NotRunningError

WAITING_RESULTS = 16


class Actions:
    """Runs the programs of a folder with each result."""

    def __init__(self, folder: Path, seconds: float, tell: Callable[[str], None]) -> None:
        """Set up.

        Args:
            folder: the programs.
            seconds: longest run of a program.
            tell: takes a sentence for the journal.
        """
        self._folder = folder
        self._seconds = seconds
        self._tell = tell
        self._waiting: asyncio.Queue[bytes] = asyncio.Queue(WAITING_RESULTS)

    async def serve(self, bus: str) -> None:
        """Follow the daemon on a bus until it stops.

        Raises:
            AuricleError: the daemon has stopped or refuses this user.
        """
        work = asyncio.ensure_future(self._work())
        try:
            async with AssistantClient(bus) as client:
                await client.subscribe()
                self._tell(f"ready: results go to the programs in {self._folder}")
                async for name, fields in client.events():
                    if name == "final":
                        await self._receive(client, fields)
        finally:
            work.cancel()
            await asyncio.gather(work, return_exceptions=True)

    async def _receive(self, client: AssistantClient, final: dict[str, object]) -> None:
        try:
            result = await final_result(client, final)
        except NotRunningError:
            raise
        except AuricleError as error:  # too late: the session is no longer there
            self._tell(f"a result was not fetched: {error}")
            return
        if self._waiting.full():
            self._waiting.get_nowait()
            self._tell("a result was dropped, because the programs take longer than commands")
        content = json.dumps(result, ensure_ascii=False) + "\n"
        self._waiting.put_nowait(content.encode("utf-8"))

    async def _work(self) -> None:
        while True:
            content = await self._waiting.get()
            try:
                async for end in run_programs(self._folder, content, self._seconds):
                    self._tell(str(end))
            except OSError as error:
                self._tell(f"{self._folder} cannot be read ({error.strerror}); check its rights")
