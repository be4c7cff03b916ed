"""A connection to a D-Bus daemon: dbus-next's connection with some faults fixed.

- A refused connection closes its socket.
- A D-Bus daemon that disconnects during authentication is an error, not an endless loop.
- File descriptors are closed after they were sent.
- `close` first sends the waiting messages.
- A long message is decoded in a thread, so that it does not block the event loop.
- A full socket is not taken for a broken one.
"""

from __future__ import annotations

import asyncio
import os
from collections.abc import Callable, Sequence
from typing import Self

from dbus_next.aio.message_bus import MessageBus
from dbus_next.constants import BusType, MessageType
from dbus_next.errors import AuthError, DBusError, InvalidAddressError
from dbus_next.message import Message

from auricle.dbus.errors import error_of
from auricle.dbus.long_messages import LongMessage, Reader, Writer
from auricle.dbus.names import DAEMON_NAME, DAEMON_PATH
from auricle.errors import BusError
from auricle.tasks import retrieve

_KINDS = {"session": BusType.SESSION, "system": BusType.SYSTEM}
_FLUSH_SECONDS = 1.0


class Connection(MessageBus):
    """Create with `Connection.open`; call `close` at the end."""

    @classmethod
    async def open(cls, bus: str) -> Self:
        """Connect to `bus`: "session", "system" or a D-Bus address.

        Raises:
            BusError: there is no D-Bus daemon, or it refuses the connection.
        """
        try:
            connection = cls(bus)
        except (OSError, InvalidAddressError, KeyError) as error:
            raise BusError(_unreachable(bus, error)) from error
        try:
            await connection.connect()
        except (OSError, EOFError, ValueError, AuthError, DBusError) as error:
            await connection.close()
            raise BusError(_unreachable(bus, error)) from error
        return connection

    def __init__(self, bus: str) -> None:
        """Open the socket; `open` also authenticates."""
        self._unsent: set[asyncio.Future[None]] = set()
        if bus in _KINDS:
            super().__init__(bus_type=_KINDS[bus], negotiate_unix_fd=True)
        else:
            super().__init__(bus_address=bus, negotiate_unix_fd=True)
        self._writer = Writer(self)
        self._disconnect_future.add_done_callback(retrieve)

    def post(self, message: Message, descriptors: Sequence[int] = ()) -> None:
        """Send without waiting for a reply, and close `descriptors`; only close if disconnected."""
        if not self.connected:
            _close_all(descriptors)
            return
        message.unix_fds = list(descriptors)
        sent = self.send(message)
        self._unsent.add(sent)
        sent.add_done_callback(lambda _: _close_all(descriptors))
        sent.add_done_callback(self._unsent.discard)
        sent.add_done_callback(retrieve)

    async def ask(self, message: Message) -> Message:
        """Call a method and return its reply; an error reply raises its AuricleError."""
        if not self.connected:
            raise BusError("the connection to the D-Bus daemon is closed; connect again")
        try:
            reply = await self.call(message)
        except (OSError, EOFError) as error:
            raise BusError("the D-Bus daemon closed the connection; connect again") from error
        if reply is None:
            raise BusError(
                "the connection to the D-Bus daemon was closed before the reply; connect again"
            )
        if reply.message_type is MessageType.ERROR:
            raise error_of(reply)
        return reply

    async def ask_daemon(self, member: str, signature: str, *arguments: object) -> Message:
        """Call a method of the D-Bus daemon itself."""
        return await self.ask(
            Message(
                destination=DAEMON_NAME,
                path=DAEMON_PATH,
                interface=DAEMON_NAME,
                member=member,
                signature=signature,
                body=list(arguments),
            )
        )

    def when_cut_off(self, call: Callable[[], None]) -> None:
        """Call `call` when the connection is closed for any reason."""
        self._disconnect_future.add_done_callback(lambda _: call())

    async def close(self) -> None:
        """Send the waiting messages and disconnect."""
        if self._unsent:
            await asyncio.wait(self._unsent, timeout=_FLUSH_SECONDS)
        if self.connected:
            self.disconnect()
            await asyncio.wait([self._disconnect_future])
        self._close_socket()

    def _create_unmarshaller(self) -> Reader:
        return Reader(self._sock)

    def _message_reader(self) -> None:
        try:
            super()._message_reader()
        except LongMessage:
            # Nothing else is read meanwhile, so that the messages stay in order.
            self._loop.remove_reader(self._fd)
            reading = self._loop.run_in_executor(None, self._unmarshaller.read_long)
            reading.add_done_callback(self._on_long_message)

    def _on_long_message(self, reading: asyncio.Future[Message]) -> None:
        if self._disconnected:
            retrieve(reading)
            return
        error = reading.exception()
        if isinstance(error, Exception):
            self._finalize(error)
            return
        self._on_message(reading.result())
        self._unmarshaller = self._create_unmarshaller()
        self._loop.add_reader(self._fd, self._message_reader)

    def _setup_socket(self) -> None:
        try:
            super()._setup_socket()
        except BaseException:
            self._close_socket()
            raise

    def _close_socket(self) -> None:
        if hasattr(self, "_sock"):  # not set for an unknown transport
            self._stream.close()
            self._sock.close()

    async def _auth_readline(self) -> str:
        line = b""
        while not line.endswith(b"\r\n"):
            received = await self._loop.sock_recv(self._sock, 1)
            if not received:
                raise AuthError("the D-Bus daemon disconnected during authentication")
            line += received
        return line[:-2].decode()

    def _finalize(self, err: Exception | None = None) -> None:
        super()._finalize(err)
        for sent in list(self._unsent):
            sent.cancel()
        self._close_socket()


def _unreachable(bus: str, error: BaseException) -> str:
    where = f"the {bus} bus" if bus in _KINDS else f"the D-Bus daemon at {bus!r}"
    why = str(error) or type(error).__name__
    if bus == "session" and "DBUS_SESSION_BUS_ADDRESS" not in os.environ:
        return "there is no session bus; start one with `dbus-run-session -- bash`"
    return f"{where} cannot be reached ({why}); check that dbus-daemon runs and allows this user"


def _close_all(descriptors: Sequence[int]) -> None:
    for descriptor in descriptors:
        os.close(descriptor)
