"""Finds transcripts and names where they must not be: in the journal and in broadcast signals.

In: the events that a rightful subscriber receives, and a name that it gives the daemon. Out: the
words that appear elsewhere.
"""

from __future__ import annotations

import re

from dbus_next.constants import MessageType
from dbus_next.message import Message

from auricle.client.client import AssistantClient
from auricle.context.entries import Entry
from auricle.dbus.connection import Connection

NAME = "Zanzibarquux Votterling"
SHORTEST = 5  # letters of a word that is looked for; shorter ones are in other sentences too


class Canary:
    """Collects what was said, and everything that a stranger on the bus can receive."""

    def __init__(self) -> None:
        """Start with the name only."""
        self.said: set[str] = set(NAME.lower().split())
        self.results = 0
        self._overheard: list[str] = []

    async def listen(self, bus: str) -> None:
        """Give the name, and collect the words of all sessions; runs until cancelled."""
        async with AssistantClient(bus) as client:
            await client.subscribe()
            await client.set_context("contacts", [Entry("contacts", NAME)])
            async for name, fields in client.events():
                text = str(fields.get("text", ""))
                self.results += name == "final" and bool(text)
                self.said |= {word for word in text.lower().split() if len(word) >= SHORTEST}

    async def eavesdrop(self, bus: str) -> Connection:
        """Receive every broadcast signal from now on; close the returned connection."""
        connection = await Connection.open(bus)
        connection.add_message_handler(self._overhear)
        await connection.ask_daemon("AddMatch", "s", "type='signal'")
        return connection

    def leaked(self, log: str) -> list[str]:
        """Return the words that stand in the journal or in broadcasts."""
        public = set(re.findall(r"[^\W\d_]+", "\n".join([log, *self._overheard]).lower()))
        return sorted(self.said & public)

    def _overhear(self, message: Message) -> None:
        if message.message_type is MessageType.SIGNAL:
            self._overheard.append(repr(message.body))
