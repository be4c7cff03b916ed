"""The D-Bus server: owns the bus name, exports the objects and sends events as signals.

The service passes it events, input levels and changes of state. Signals with transcripts go only to
the audience of their session. Everything runs on the event loop.
"""

from __future__ import annotations

import asyncio
from collections.abc import Coroutine

from dbus_next.constants import MessageType, NameFlag, RequestNameReply
from dbus_next.message import Message

from auricle.assistant import InputLevel, Status
from auricle.bus.arbiter1 import PROPERTIES as ARBITER_PROPERTIES
from auricle.bus.arbiter1 import Arbiter1
from auricle.bus.assistant import Assistant
from auricle.bus.assistant1 import Assistant1, changed_properties, level_body
from auricle.bus.clients import Audience, Authorise, Clients, same_group_or_root
from auricle.bus.context1 import COUNTS_PROPERTY, Context1
from auricle.bus.polkit import Ownership
from auricle.bus.privacy1 import PROPERTIES as PRIVACY_PROPERTIES
from auricle.bus.privacy1 import Privacy1
from auricle.bus.readiness import Readiness
from auricle.bus.sessions import Sessions
from auricle.context.entry_sets import Guest
from auricle.dbus.connection import Connection
from auricle.dbus.names import (
    ARBITER_INTERFACE,
    ASSISTANT_INTERFACE,
    ASSISTANT_PATH,
    BUS_NAME,
    CONTEXT_INTERFACE,
    DAEMON_NAME,
    PRIVACY_INTERFACE,
)
from auricle.dbus.object_tree import ObjectTree
from auricle.errors import BusError, NoSuchSessionError
from auricle.events import CancelReason, Event, Wake


class BusServer:
    """Create with `await BusServer.start(...)`; call `stop` at the end."""

    @classmethod
    async def start(
        cls,
        assistant: Assistant,
        bus: str,
        authorise: Authorise = same_group_or_root,
        *,
        ready: bool = True,
    ) -> BusServer:
        """Connect to the bus and export the objects.

        Args:
            assistant: the daemon.
            bus: "session", "system" or a D-Bus address.
            authorise: returns whether a user may listen, subscribe, monitor, unmute and set
                context entries.
            ready: whether the daemon takes calls already; otherwise they wait for `become_ready`.

        Raises:
            BusError: the bus cannot be reached, or another daemon owns the name.
        """
        connection = await Connection.open(bus)
        readiness = Readiness(ready=ready)
        server = cls(assistant, connection, authorise, readiness, polkit=bus == "system")
        try:
            await _own_name(connection)
        except BusError:
            await server.stop()
            raise
        return server

    def __init__(
        self,
        assistant: Assistant,
        connection: Connection,
        authorise: Authorise,
        readiness: Readiness,
        *,
        polkit: bool = False,
    ) -> None:
        """Export the objects on `connection`, before it owns the bus name."""
        self._assistant = assistant
        self._connection = connection
        self._readiness = readiness
        self._audience = Audience()
        self._clients = Clients(connection, authorise, self._on_leave)
        self._tree = ObjectTree(connection, self._clients)
        self._sessions = Sessions(self._tree, self._cancel_on_request)
        root = Assistant1(assistant, self._clients, self._audience, self._sessions)
        context = Context1(assistant.contexts, self._clients)
        ownership = Ownership(connection, polkit=polkit)
        privacy = Privacy1(assistant.privacy, self._clients, ownership)
        arbiter = Arbiter1(assistant.music, assistant.compute, self._clients)
        parts = (root, context, privacy, arbiter)
        interfaces = (readiness.guarded(part.interface()) for part in parts)
        self._tree.export(ASSISTANT_PATH, *interfaces)
        self._shown: Status = assistant.status()
        self._departing: set[asyncio.Task[None]] = set()  # cleanup for clients that have left
        self._lost = asyncio.Event()
        connection.when_cut_off(self._lost.set)
        connection.add_message_handler(self._on_message)

    @property
    def monitored(self) -> bool:
        """Whether any client receives input levels."""
        return bool(self._audience.monitors)

    def become_ready(self) -> None:
        """Answer the calls that wait, and all later ones at once."""
        self._readiness.set()

    def emit(self, event: Event) -> None:
        """Send an event to its audience, and a changed state to everybody."""
        if isinstance(event, Wake):
            self._begin(event)
        self._sessions.follow(event)
        self.refresh()

    def refresh(self) -> None:
        """Broadcast the properties of Assistant1 that changed since the last call."""
        before, self._shown = self._shown, self._assistant.status()
        names = changed_properties(before, self._shown)
        if names:
            self._tree.broadcast_properties(ASSISTANT_PATH, ASSISTANT_INTERFACE, names)

    def show_contexts(self) -> None:
        """Broadcast that the numbers of context entries have changed; each client reads its own."""
        self._tree.broadcast_properties(ASSISTANT_PATH, CONTEXT_INTERFACE, [COUNTS_PROPERTY])

    def show_privacy(self) -> None:
        """Broadcast the privacy mode and the reranker."""
        self._tree.broadcast_properties(ASSISTANT_PATH, PRIVACY_INTERFACE, list(PRIVACY_PROPERTIES))

    def show_arbiter(self) -> None:
        """Broadcast the ducking state and the compute level."""
        self._tree.broadcast_properties(ASSISTANT_PATH, ARBITER_INTERFACE, list(ARBITER_PROPERTIES))

    def show_level(self, level: InputLevel) -> None:
        """Send the input level to the clients that monitor it."""
        monitors = sorted(self._audience.monitors)
        body = level_body(level)
        self._tree.send_signal(ASSISTANT_PATH, ASSISTANT_INTERFACE, "Level", body, monitors)

    async def wait_until_lost(self) -> str:
        """Wait until the bus or the bus name is lost; return a sentence that says which."""
        await self._lost.wait()
        if self._connection.connected:
            return f"this daemon lost the bus name {BUS_NAME}; start it again"
        return "the D-Bus daemon closed the connection; start this daemon again when it is back"

    async def stop(self) -> None:
        """Leave the bus after all signals were sent."""
        await self._tree.close()
        await self._clients.close()
        if self._departing:
            await asyncio.wait(self._departing)
        await self._connection.close()

    def _begin(self, wake: Wake) -> None:
        if not wake.owner:
            self._sessions.begin(wake, self._audience.subscribers_of(wake.wake_word))
        elif wake.owner in self._clients:
            self._sessions.begin(wake, {wake.owner})
        else:  # the owner left before the session began
            self._sessions.begin(wake, set())
            self._cancel_for_owner(wake.session)

    def _on_leave(self, client: str) -> None:
        self._audience.leave(client)
        self._assistant.music.leave(client)
        self._do_for_departed(self._assistant.contexts.leave(Guest(client)))
        for session in self._sessions.leave(client):
            self._cancel_for_owner(session)

    def _cancel_for_owner(self, session: str) -> None:
        self._do_for_departed(self._cancel(session, CancelReason.OWNER_LEFT))

    def _do_for_departed(self, work: Coroutine[None, None, None]) -> None:
        task = asyncio.ensure_future(work)
        self._departing.add(task)
        task.add_done_callback(self._departing.discard)

    async def _cancel(self, session: str, reason: CancelReason) -> None:
        try:
            await self._assistant.cancel(session, reason)
        except NoSuchSessionError:
            return  # it has ended in the meantime

    async def _cancel_on_request(self, session: str) -> None:
        await self._assistant.cancel(session, CancelReason.REQUESTED)

    def _on_message(self, message: Message) -> None:
        if (
            message.message_type is MessageType.SIGNAL
            and message.sender == DAEMON_NAME
            and message.member == "NameLost"
            and message.body == [BUS_NAME]
        ):
            self._lost.set()


async def _own_name(connection: Connection) -> None:
    flags = NameFlag.DO_NOT_QUEUE.value
    try:
        reply = await connection.ask_daemon("RequestName", "su", BUS_NAME, flags)
    except BusError as error:
        raise BusError(
            f"this user may not own {BUS_NAME} on this bus ({error}); install {BUS_NAME}.conf in "
            "/etc/dbus-1/system.d and run as its user, or use the session bus: --bus session"
        ) from error
    if RequestNameReply(reply.body[0]) is RequestNameReply.PRIMARY_OWNER:
        return
    owner = await connection.ask_daemon("GetConnectionUnixProcessID", "s", BUS_NAME)
    raise BusError(
        f"{BUS_NAME} belongs to process {owner.body[0]} already; stop that daemon or use "
        "another bus"
    )
