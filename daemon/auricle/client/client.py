"""A client of the daemon, for the command line, the demo, the tests and other programs.

Calls return plain Python values. Events arrive as `(name, fields)`: "wake", "partial", "settled",
"speculative", "revised", "final", "cancelled" and "error" of a session, "level" of the monitor, and
"state", "privacy" and "arbiter" with the changed properties of Assistant1, Privacy1 and Arbiter1.
"""

from __future__ import annotations

import asyncio
import os
from collections.abc import AsyncIterator, Iterable
from types import TracebackType
from typing import TYPE_CHECKING, Self

from dbus_next.constants import MessageType
from dbus_next.message import Message
from dbus_next.signature import Variant

from auricle.client.remedies import access_denied, not_running
from auricle.client.signals import ASSISTANT_SIGNALS, ENTRIES, SESSION_SIGNALS
from auricle.dbus.connection import Connection
from auricle.dbus.names import (
    ARBITER_INTERFACE,
    ASSISTANT_INTERFACE,
    ASSISTANT_PATH,
    BUS_NAME,
    CONTEXT_INTERFACE,
    DAEMON_NAME,
    PRIVACY_INTERFACE,
    PROPERTIES_INTERFACE,
    SESSION_INTERFACE,
    path_of,
    session_of,
)
from auricle.errors import AccessDeniedError, BusError, NotAuthorizedError, NotRunningError
from auricle.lattice.result import RecognizedName

if TYPE_CHECKING:
    from auricle.context.entries import Entry

Event = tuple[str, dict[str, object]]

_WAITING_EVENTS = 4096
_SIGNALS = {ASSISTANT_INTERFACE: ASSISTANT_SIGNALS, SESSION_INTERFACE: SESSION_SIGNALS}
_PROPERTY_EVENTS = {
    ASSISTANT_INTERFACE: "state",
    PRIVACY_INTERFACE: "privacy",
    ARBITER_INTERFACE: "arbiter",
}
_STOPPED = "Auricle has stopped; start it again, and find the cause with `auricle doctor`"


class AssistantClient:
    """Use as `async with AssistantClient(bus) as client`; a session is given by its id.

    Every call raises the exception of errors.py that the daemon reports, BusError if the bus cannot
    be reached, and NotRunningError if no daemon is running.
    """

    def __init__(self, bus: str, waiting_events: int = _WAITING_EVENTS) -> None:
        """Prepare; entering the context connects.

        Args:
            bus: "session", "system" or a D-Bus address.
            waiting_events: length of the event queue; when it is full, the oldest is dropped.
        """
        self._bus = bus
        self._connection: Connection | None = None
        self._daemon = ""  # unique name of the daemon
        self._events: asyncio.Queue[Event | None] = asyncio.Queue(waiting_events)
        self.dropped = 0  # events dropped because the queue was full

    async def __aenter__(self) -> Self:
        """Connect and find the daemon."""
        self._connection = await Connection.open(self._bus)
        try:
            self._connection.add_message_handler(self._on_message)
            self._connection.when_cut_off(lambda: self._put(None))
            for rule in _match_rules():
                await self._connection.ask_daemon("AddMatch", "s", rule)
            self._daemon = await self._find_daemon()
        except BaseException:
            await self._connection.close()
            raise
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        """Disconnect; the daemon then cancels a running session of this client."""
        await self._connected().close()

    async def status(self) -> dict[str, object]:
        """Return the properties State, Muted, WakeWords, Language and Version."""
        return await self._properties(ASSISTANT_PATH, ASSISTANT_INTERFACE)

    async def listen(self, **options: float) -> str:
        """Begin a session and return its id; options: no_speech_seconds, maximum_seconds."""
        given = {name: Variant("d", float(value)) for name, value in options.items()}
        reply = await self._call_assistant("Listen", "a{sv}", given)
        return session_of(reply.body[0])

    async def cancel(self, session: str) -> None:
        """End a session without a result."""
        await self._call_assistant("Cancel", "o", path_of(session))

    async def subscribe(self, wake_words: list[str] | None = None) -> None:
        """Receive the events of wake-word sessions, of all wake words or only of these."""
        given = {} if wake_words is None else {"wake_words": Variant("as", wake_words)}
        await self._call_assistant("Subscribe", "a{sv}", given)

    async def unsubscribe(self) -> None:
        """Stop receiving the events of wake-word sessions."""
        await self._call_assistant("Unsubscribe")

    async def start_monitor(self) -> None:
        """Receive "level" events."""
        await self._call_assistant("StartMonitor")

    async def stop_monitor(self) -> None:
        """Stop receiving "level" events."""
        await self._call_assistant("StopMonitor")

    async def set_muted(self, muted: bool) -> None:
        """Mute or unmute the microphone."""
        value = Variant("b", muted)
        body = (ASSISTANT_INTERFACE, "Muted", value)
        await self._call(ASSISTANT_PATH, PROPERTIES_INTERFACE, "Set", "ssv", *body)

    async def session(self, session: str) -> dict[str, object]:
        """Return the properties State, Text, WakeWord and Started of a session."""
        return await self._properties(path_of(session), SESSION_INTERFACE)

    async def nbest(self, session: str, count: int) -> list[tuple[str, float]]:
        """Return up to `count` hypotheses with natural log probabilities, best first."""
        reply = await self._call_session(session, "NBest", "u", count)
        return [(text, score) for text, score in reply.body[0]]

    async def words(self, session: str) -> list[tuple[str, float, float, float]]:
        """Return (word, start s, end s, confidence 0 to 1) of the best hypothesis."""
        reply = await self._call_session(session, "Words")
        return [tuple(word) for word in reply.body[0]]

    async def written(self, session: str) -> str:
        """Return the best hypothesis with capitals, punctuation and digits."""
        return str((await self._call_session(session, "Written")).body[0])

    async def names(self, session: str) -> list[RecognizedName]:
        """Return the context names in the best hypothesis."""
        reply = await self._call_session(session, "Names")
        return [RecognizedName(*name) for name in reply.body[0]]

    async def lattice(self, session: str, form: str = "json") -> str:
        """Return the lattice as text in the format `form`."""
        reply = await self._call_session(session, "Lattice", "s", form)
        with os.fdopen(reply.unix_fds[reply.body[0]], encoding="utf-8") as file:
            return file.read()

    async def set_context(
        self, kind: str, entries: Iterable[Entry], *, source: str | None = None
    ) -> int:
        """Replace the entries of a kind; return how many there are.

        Args:
            kind: the kind of entry, such as "contacts".
            entries: the new entries.
            source: None for entries of this client, which are dropped when it disconnects;
                otherwise the name of a stored source of this user, which persists.
        """
        return await self._send_entries("Set", kind, entries, source)

    async def add_context(
        self, kind: str, entries: Iterable[Entry], *, source: str | None = None
    ) -> int:
        """Add entries of a kind; return how many there are. See `set_context`."""
        return await self._send_entries("Add", kind, entries, source)

    async def remove_context(
        self, kind: str, names: Iterable[str], *, source: str | None = None
    ) -> int:
        """Remove entries by written name or id; return how many were removed."""
        body = (kind, list(names), _context_options(source))
        reply = await self._call_context("Remove", "sasa{sv}", *body)
        return int(reply.body[0])

    async def clear_context(self, kind: str = "", *, source: str | None = None) -> None:
        """Remove all entries of a kind, or of all kinds."""
        await self._call_context("Clear", "sa{sv}", kind, _context_options(source))

    async def count_context(self, *, source: str | None = None) -> dict[str, int]:
        """Return the number of entries by kind, of this client or of a source."""
        reply = await self._call_context("Count", "a{sv}", _context_options(source))
        return dict(reply.body[0])

    async def context_sources(self) -> dict[str, dict[str, int]]:
        """Return the stored sources of this user: source -> kind -> number of entries."""
        return dict((await self._call_context("Sources")).body[0])

    async def context_counts(self) -> dict[str, int]:
        """Return the number of entries of this client and stored ones of its user, by kind."""
        counts = (await self._properties(ASSISTANT_PATH, CONTEXT_INTERFACE))["Entries"]
        return counts if isinstance(counts, dict) else {}

    async def privacy(self) -> dict[str, object]:
        """Return the properties Mode, Locked and Reranker."""
        return await self._properties(ASSISTANT_PATH, PRIVACY_INTERFACE)

    async def set_privacy(self, mode: str) -> None:
        """Switch the privacy mode to "local" or "lattice"."""
        await self._call_privacy("SetMode", "s", mode)

    async def privacy_record(self) -> tuple[list[str], str]:
        """Return the lines of the audit log and where its chain is broken ("" if intact)."""
        reply = await self._call_privacy("Log")
        with os.fdopen(reply.unix_fds[reply.body[0]], encoding="utf-8") as file:
            return file.read().splitlines(), str(reply.body[1])

    async def erase_privacy(self) -> None:
        """Erase the audit log and all stored context entries."""
        await self._call_privacy("Erase")

    async def duck(self, seconds: float | None = None) -> int:
        """Duck other sounds for at most `seconds`; return the lease."""
        options = {} if seconds is None else {"seconds": Variant("d", float(seconds))}
        return int((await self._call_arbiter("Duck", "a{sv}", options)).body[0])

    async def release(self, lease: int) -> None:
        """Release a lease."""
        await self._call_arbiter("Release", "u", lease)

    async def arbiter(self) -> dict[str, object]:
        """Return the properties Ducked and Level."""
        return await self._properties(ASSISTANT_PATH, ARBITER_INTERFACE)

    async def events(self) -> AsyncIterator[Event]:
        """Yield events as they arrive; raises NotRunningError when the daemon has stopped."""
        self._connected()
        while (event := await self._events.get()) is not None:
            yield event
        self._put(None)  # the next call raises too
        raise NotRunningError(_STOPPED)

    def _connected(self) -> Connection:
        if self._connection is None:
            raise BusError("the client is not connected; use it in an `async with` statement")
        return self._connection

    async def _find_daemon(self) -> str:
        try:
            reply = await self._connected().ask_daemon("GetNameOwner", "s", BUS_NAME)
        except NotRunningError as error:
            raise NotRunningError(not_running(self._bus)) from error
        return str(reply.body[0])

    async def _call(
        self, path: str, interface: str, member: str, signature: str = "", *arguments: object
    ) -> Message:
        connection = self._connected()
        message = Message(
            destination=self._daemon,
            path=path,
            interface=interface,
            member=member,
            signature=signature,
            body=list(arguments),
        )
        try:
            return await connection.ask(message)
        except AccessDeniedError as error:
            raise NotAuthorizedError(access_denied(self._bus, str(error))) from error

    async def _call_assistant(
        self, member: str, signature: str = "", *arguments: object
    ) -> Message:
        return await self._call(ASSISTANT_PATH, ASSISTANT_INTERFACE, member, signature, *arguments)

    async def _call_context(self, member: str, signature: str = "", *arguments: object) -> Message:
        return await self._call(ASSISTANT_PATH, CONTEXT_INTERFACE, member, signature, *arguments)

    async def _call_privacy(self, member: str, signature: str = "", *arguments: object) -> Message:
        return await self._call(ASSISTANT_PATH, PRIVACY_INTERFACE, member, signature, *arguments)

    async def _call_arbiter(self, member: str, signature: str = "", *arguments: object) -> Message:
        return await self._call(ASSISTANT_PATH, ARBITER_INTERFACE, member, signature, *arguments)

    async def _send_entries(
        self, member: str, kind: str, entries: Iterable[Entry], source: str | None
    ) -> int:
        given = [[entry.written, list(entry.spoken), entry.weight, entry.id] for entry in entries]
        body = (kind, given, _context_options(source))
        reply = await self._call_context(member, f"s{ENTRIES}a{{sv}}", *body)
        return int(reply.body[0])

    async def _call_session(
        self, session: str, member: str, signature: str = "", *arguments: object
    ) -> Message:
        return await self._call(path_of(session), SESSION_INTERFACE, member, signature, *arguments)

    async def _properties(self, path: str, interface: str) -> dict[str, object]:
        reply = await self._call(path, PROPERTIES_INTERFACE, "GetAll", "s", interface)
        return {name: value.value for name, value in reply.body[0].items()}

    def _on_message(self, message: Message) -> None:
        if message.message_type is not MessageType.SIGNAL:
            return
        if message.sender == DAEMON_NAME and message.member == "NameOwnerChanged":
            if message.body[0] == BUS_NAME and message.body[1] == self._daemon:
                self._put(None)
        elif message.sender == self._daemon:
            self._receive(message)

    def _receive(self, message: Message) -> None:
        if message.interface == PROPERTIES_INTERFACE:
            changed = {name: value.value for name, value in message.body[1].items()}
            if event := _PROPERTY_EVENTS.get(message.body[0]):
                self._put((event, changed))
            return
        arguments = _SIGNALS.get(message.interface, {}).get(message.member)
        if arguments is None:
            return  # a signal of a newer daemon
        fields = dict(zip(arguments, message.body, strict=True))
        if message.interface == SESSION_INTERFACE:
            fields = {"session": session_of(message.path), **fields}
        self._put((message.member.lower(), fields))

    def _put(self, event: Event | None) -> None:
        """Queue an event; drop the oldest one if the queue is full."""
        if self._events.full():
            self._events.get_nowait()
            self.dropped += 1
        self._events.put_nowait(event)


def _context_options(source: str | None) -> dict[str, Variant]:
    """Return the options of a context call for `source`, or for this client if None."""
    return {} if source is None else {"keep": Variant("b", True), "source": Variant("s", source)}


def _match_rules() -> tuple[str, str]:
    """Return the match rules for broadcast signals; unicast signals need none."""
    return (
        f"type='signal',sender='{BUS_NAME}',interface='{PROPERTIES_INTERFACE}',"
        f"path='{ASSISTANT_PATH}'",
        f"type='signal',sender='{DAEMON_NAME}',member='NameOwnerChanged',arg0='{BUS_NAME}'",
    )
