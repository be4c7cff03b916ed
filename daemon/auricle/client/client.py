"""A client of the daemon, for the command line, the demo and the tests.

In: calls. Out: replies as plain Python values, and the events that the daemon sends this client,
as `(name, fields)`: those of a session ("wake", "partial", "settled", "speculative", "revised",
"final", "cancelled", "error"), "level" of the monitor, and "state" with what has changed of its
properties.
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
from auricle.errors import BusError, NotRunningError
from auricle.lattice.result import RecognizedName

if TYPE_CHECKING:
    from auricle.context.entries import Entry

Event = tuple[str, dict[str, object]]

_WAITING_EVENTS = 4096
_SIGNALS = {ASSISTANT_INTERFACE: ASSISTANT_SIGNALS, SESSION_INTERFACE: SESSION_SIGNALS}
_NOT_RUNNING = (
    "Auricle is not running on this bus; start it with `auricle run`, or name the bus that it is "
    "on with --bus"
)
_STOPPED = "Auricle has stopped; start it again, `auricle doctor` looks for the cause"


class AssistantClient:
    """Use as `async with AssistantClient(bus) as client`; sessions are named by their ids.

    Every call raises the error of errors.py that the daemon names, BusError when the bus cannot
    be reached, and NotRunningError when no daemon is there.
    """

    def __init__(self, bus: str, waiting_events: int = _WAITING_EVENTS) -> None:
        """`bus` is "session", "system" or a D-Bus address; at most so many events wait."""
        self._bus = bus
        self._connection: Connection | None = None
        self._daemon = ""  # unique name of the daemon
        self._events: asyncio.Queue[Event | None] = asyncio.Queue(waiting_events)
        self.dropped = 0  # events lost because nobody took them

    async def __aenter__(self) -> Self:
        """Connect, and find the daemon."""
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
        """Hang up; the daemon then cancels the session that this client began."""
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
        """Receive the events of sessions that a wake word begins, or only of these words."""
        given = {} if wake_words is None else {"wake_words": Variant("as", wake_words)}
        await self._call_assistant("Subscribe", "a{sv}", given)

    async def unsubscribe(self) -> None:
        """Receive them no more."""
        await self._call_assistant("Unsubscribe")

    async def start_monitor(self) -> None:
        """Receive "level" events."""
        await self._call_assistant("StartMonitor")

    async def stop_monitor(self) -> None:
        """Receive them no more."""
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
        """Return up to `count` readings with their natural log probabilities, best first."""
        reply = await self._call_session(session, "NBest", "u", count)
        return [(text, score) for text, score in reply.body[0]]

    async def words(self, session: str) -> list[tuple[str, float, float, float]]:
        """Return (word, start, end, confidence) of the best reading; seconds, 0 to 1."""
        reply = await self._call_session(session, "Words")
        return [(word, start, end, sure) for word, start, end, sure in reply.body[0]]

    async def names(self, session: str) -> list[RecognizedName]:
        """Return the names of the context that stand in the best reading."""
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
        """Replace the names of a kind that this client has given; return how many there are.

        They go when this client leaves; with a `source` they are kept under that name, and it is
        about those kept there before. So it is in the other calls about names.
        """
        return await self._give_context("Set", kind, entries, source)

    async def add_context(
        self, kind: str, entries: Iterable[Entry], *, source: str | None = None
    ) -> int:
        """Add names to those of a kind; return how many there are."""
        return await self._give_context("Add", kind, entries, source)

    async def remove_context(
        self, kind: str, names: Iterable[str], *, source: str | None = None
    ) -> int:
        """Remove names, told by their writing or id; return how many those were."""
        body = (kind, list(names), _kept(source))
        reply = await self._call_context("Remove", "sasa{sv}", *body)
        return int(reply.body[0])

    async def clear_context(self, kind: str = "", *, source: str | None = None) -> None:
        """Remove all names of a kind, or of all kinds."""
        await self._call_context("Clear", "sa{sv}", kind, _kept(source))

    async def count_context(self, *, source: str | None = None) -> dict[str, int]:
        """Return how many names this client has given, by kind."""
        reply = await self._call_context("Count", "a{sv}", _kept(source))
        return dict(reply.body[0])

    async def context_sources(self) -> dict[str, dict[str, int]]:
        """Return how many names are kept for this user: source -> kind -> number."""
        return dict((await self._call_context("Sources")).body[0])

    async def context_counts(self) -> dict[str, int]:
        """Return how many names all clients together have given, by kind."""
        counts = (await self._properties(ASSISTANT_PATH, CONTEXT_INTERFACE))["Entries"]
        return counts if isinstance(counts, dict) else {}

    async def privacy(self) -> dict[str, object]:
        """Return the properties Mode and Reranker."""
        return await self._properties(ASSISTANT_PATH, PRIVACY_INTERFACE)

    async def set_privacy(self, mode: str) -> None:
        """Switch what may leave the device: "local" or "lattice"."""
        await self._call_privacy("SetMode", "s", mode)

    async def privacy_record(self) -> tuple[list[str], str]:
        """Return the lines of the record of what left, and where its chain is broken, if it is."""
        reply = await self._call_privacy("Log")
        with os.fdopen(reply.unix_fds[reply.body[0]], encoding="utf-8") as file:
            return file.read().splitlines(), str(reply.body[1])

    async def erase_privacy(self) -> None:
        """Erase the record, and the names that are kept."""
        await self._call_privacy("Erase")

    async def duck(self, seconds: float | None = None) -> int:
        """Have other sounds ducked, for so long at most; return the lease."""
        options = {} if seconds is None else {"seconds": Variant("d", float(seconds))}
        return int((await self._call_arbiter("Duck", "a{sv}", options)).body[0])

    async def release(self, lease: int) -> None:
        """End a lease."""
        await self._call_arbiter("Release", "u", lease)

    async def arbiter(self) -> dict[str, object]:
        """Return the properties of the arbiter."""
        return await self._properties(ASSISTANT_PATH, ARBITER_INTERFACE)

    async def events(self) -> AsyncIterator[Event]:
        """Yield events as they come; raises NotRunningError when the daemon has gone."""
        self._connected()
        while (event := await self._events.get()) is not None:
            yield event
        self._put(None)  # so that asking again says the same
        raise NotRunningError(_STOPPED)

    def _connected(self) -> Connection:
        if self._connection is None:
            raise BusError("the client is not connected; use it in an `async with` statement")
        return self._connection

    async def _find_daemon(self) -> str:
        try:
            reply = await self._connected().ask_daemon("GetNameOwner", "s", BUS_NAME)
        except NotRunningError as error:
            raise NotRunningError(_NOT_RUNNING) from error
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
        return await connection.ask(message)

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

    async def _give_context(
        self, member: str, kind: str, entries: Iterable[Entry], source: str | None
    ) -> int:
        given = [[entry.written, list(entry.spoken), entry.weight, entry.id] for entry in entries]
        body = (kind, given, _kept(source))
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
            self._take(message)

    def _take(self, message: Message) -> None:
        if message.interface == PROPERTIES_INTERFACE:
            if message.body[0] != ASSISTANT_INTERFACE:
                return  # how many names there are is no event of what is heard
            changed = {name: value.value for name, value in message.body[1].items()}
            self._put(("state", changed))
            return
        arguments = _SIGNALS.get(message.interface, {}).get(message.member)
        if arguments is None:
            return  # a signal of a newer daemon
        fields = dict(zip(arguments, message.body, strict=True))
        if message.interface == SESSION_INTERFACE:
            fields = {"session": session_of(message.path), **fields}
        self._put((message.member.lower(), fields))

    def _put(self, event: Event | None) -> None:
        """Keep an event; when nobody takes them, the oldest one goes."""
        if self._events.full():
            self._events.get_nowait()
            self.dropped += 1
        self._events.put_nowait(event)


def _kept(source: str | None) -> dict[str, Variant]:
    """Return the options of a call about the names kept under `source`, or about one's own."""
    return {} if source is None else {"keep": Variant("b", True), "source": Variant("s", source)}


def _match_rules() -> tuple[str, str]:
    """Return the rules for what is broadcast; what is sent to this client needs none."""
    return (
        f"type='signal',sender='{BUS_NAME}',interface='{PROPERTIES_INTERFACE}',"
        f"path='{ASSISTANT_PATH}'",
        f"type='signal',sender='{DAEMON_NAME}',member='NameOwnerChanged',arg0='{BUS_NAME}'",
    )
