"""A connection to a D-Bus daemon: dbus-next's connection with some faults fixed.

- A refused connection closes its socket.
- A D-Bus daemon that disconnects during authentication is an error, not an endless loop.
- File descriptors are closed after they were sent.
- `close` first sends the waiting messages.
- A message is accepted by its header before its body is decoded (`gate.py`). Refused bodies are
  skipped in pieces, long ones are decoded in slices, and other messages pass meanwhile.
- A reply is taken only from the one that was asked.
- A fault of a handler is logged by its place and never sent to the caller.
- A full socket is not taken for a broken one.
"""

from __future__ import annotations

import asyncio
import logging
import os
from collections.abc import Callable, Sequence
from typing import Self

from dbus_next.aio.message_bus import MessageBus
from dbus_next.constants import BusType, ErrorType, MessageFlag, MessageType
from dbus_next.errors import AuthError, DBusError, InvalidAddressError
from dbus_next.message import Message

from auricle.dbus.errors import CallError, describe_error, error_of, error_reply
from auricle.dbus.gate import DROP, MESSAGE_BYTES, Gate, MessageVerdict, PlainGate
from auricle.dbus.header import SIGNAL, Header
from auricle.dbus.incoming import Incoming, Received
from auricle.dbus.names import DAEMON_NAME, DAEMON_PATH
from auricle.dbus.stream import Arrived, MessageStream, close_all
from auricle.dbus.writer import Writer, encode_error
from auricle.errors import BusError
from auricle.fault_reports import place_of
from auricle.tasks import retrieve

REPLY_BYTES = 1024 * 1024  # body of a reply to this program
_KINDS = {"session": BusType.SESSION, "system": BusType.SYSTEM}
_FLUSH_SECONDS = 1.0
# Work before the event loop serves others. A read of the socket may bring many dropped messages.
_WORK_PER_TURN = 256
_WORK_OF_RECEIVING, _WORK_OF_REFUSED, _WORK_OF_READ = 32, 4, 16

_log = logging.getLogger(__name__)


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
        self._asked: dict[int, tuple[str, asyncio.Future[Message | None]]] = {}
        self._gate: Gate = PlainGate()
        self._reads_on = False  # whether `_read_on` is scheduled
        self._incoming = Incoming(lambda: self._gate, self._deliver, self._refuse)
        if bus in _KINDS:
            super().__init__(bus_type=_KINDS[bus], negotiate_unix_fd=True)
        else:
            super().__init__(bus_address=bus, negotiate_unix_fd=True)
        self._messages = MessageStream(self._sock, self._judge, lambda verdict: verdict.read, DROP)
        self._writer: Writer = Writer(self)
        self._disconnect_future.add_done_callback(retrieve)

    def guard(self, gate: Gate) -> None:
        """Let `gate` decide on method calls and signals from now on."""
        self._gate = gate

    def post(self, message: Message, descriptors: Sequence[int] = ()) -> None:
        """Send without waiting for a reply, and close `descriptors`; only close if disconnected."""
        if not self.connected:
            close_all(descriptors)
            return
        message.unix_fds = list(descriptors)
        sent = self.send(message)
        self._unsent.add(sent)
        sent.add_done_callback(lambda _: close_all(descriptors))
        sent.add_done_callback(self._unsent.discard)
        sent.add_done_callback(retrieve)

    async def call(self, message: Message) -> Message | None:
        """Call a method and return the reply; None without one, or if the connection was closed."""
        if message.flags & MessageFlag.NO_REPLY_EXPECTED:
            await self.send(message)
            return None
        message.serial = self.next_serial()
        future: asyncio.Future[Message | None] = self._loop.create_future()
        self._asked[message.serial] = (message.destination or DAEMON_NAME, future)
        try:
            self.send(message).add_done_callback(retrieve)
            return await future
        finally:
            self._asked.pop(message.serial, None)

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

    def _message_reader(self) -> None:
        """Read and accept messages; called when the socket is readable."""
        try:
            self._read_some()
        except Exception as error:  # like dbus-next: any error ends the connection
            self._finalize(error)

    def _read_some(self) -> None:
        work = 0
        while work < _WORK_PER_TURN:
            arrived = self._messages.take()
            if arrived is not None:
                work += self._take(arrived)
            elif self._messages.receive():
                work += _WORK_OF_RECEIVING
            else:
                return
        if not self._disconnected and not self._reads_on:
            self._reads_on = True
            self._loop.call_soon(self._read_on)

    def _read_on(self) -> None:
        """Go on with the messages that were received already."""
        self._reads_on = False
        if not self._disconnected:
            self._message_reader()

    def _judge(self, header: Header) -> MessageVerdict:
        if header.is_reply:
            return self._judge_reply(header)
        if header.frame.kind == SIGNAL and header.sender == DAEMON_NAME:
            return MessageVerdict(read=True) if header.size <= MESSAGE_BYTES else DROP
        return self._gate.judge(header)

    def _judge_reply(self, header: Header) -> MessageVerdict:
        serial = header.reply_serial
        asked = self._asked[serial][0] if serial in self._asked else DAEMON_NAME
        if serial not in self._asked and serial not in self._method_return_handlers:
            return DROP
        # The owner of a well-known name answers by its unique name, which is not known here. The
        # D-Bus daemon answers for a program that has gone, and for one that may not be called.
        by_name = not asked.startswith(":") and asked != DAEMON_NAME
        if not by_name and header.sender not in (asked, DAEMON_NAME):
            return DROP
        if header.size > REPLY_BYTES:
            text = f"the reply has {header.size} bytes; up to {REPLY_BYTES} are read"
            return MessageVerdict(refusal=CallError(ErrorType.LIMITS_EXCEEDED, text))
        return MessageVerdict(read=True)

    def _take(self, arrived: Arrived[MessageVerdict]) -> int:
        """Handle a message; return how much work it was."""
        header, verdict = arrived.header, arrived.verdict
        if not header.is_reply or not verdict.read:  # no method or signal takes file descriptors
            close_all(arrived.descriptors)
            arrived.descriptors = []
        if verdict.read:
            self._incoming.take(arrived)
            return _WORK_OF_READ
        if verdict.refusal is not None:
            self._refuse(header, verdict.refusal)
        return _WORK_OF_REFUSED

    def _refuse(self, header: Header, error: Exception) -> None:
        """Answer a call that is not decoded, or end the waiting for a reply that is not."""
        if header.is_reply:
            name, text = describe_error(header, error)
            failed = Message(
                message_type=MessageType.ERROR,
                reply_serial=header.reply_serial,
                error_name=name,
                signature="s",
                body=[text],
            )
            self._settle(failed)
        elif header.wants_reply and header.sender and self.connected:
            name, text = describe_error(header, error)
            serial = self.next_serial()
            reply = encode_error(serial, header.frame.serial, header.sender, name, text)
            self._writer.put_refusal(reply)

    def _deliver(self, message: Message) -> None:
        """Pass a message to its handlers; a call that nobody handles gets an error."""
        if message.message_type in (MessageType.METHOD_RETURN, MessageType.ERROR):
            if not self._settle(message):
                close_all(message.unix_fds)
            return
        answer: Message | bool | None = None
        for handler in list(self._user_message_handlers):
            try:
                answer = handler(message)
            except Exception as error:  # the caller must get a reply
                _log.error("a message handler failed: %s", place_of(error))
                answer = error_reply(message, error)
            if answer:
                break
        if not isinstance(message, Received):
            return
        if not answer:
            text = f"this program has no method {message.member}"
            answer = Message.new_error(message, ErrorType.UNKNOWN_METHOD.value, text)
        if isinstance(answer, Message):
            message.release()
            self.post(answer)

    def _settle(self, reply: Message) -> bool:
        """Pass a reply to its asker; return False if nobody waits for it any more."""
        asked = self._asked.pop(reply.reply_serial, None)
        if asked is not None:
            if not asked[1].done():
                asked[1].set_result(reply)
                return True
            return False
        handler = self._method_return_handlers.pop(reply.reply_serial, None)
        if handler is None:
            return False
        handler(reply, None)
        return True

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
        if hasattr(self, "_messages"):
            self._messages.close()

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
        self._incoming.close()
        for _, reply in self._asked.values():
            if not reply.done() and err and not self._user_disconnect:
                reply.set_exception(err)
            elif not reply.done():
                reply.set_result(None)
        for sent in list(self._unsent):
            sent.cancel()
        self._close_socket()


def _unreachable(bus: str, error: BaseException) -> str:
    where = f"the {bus} bus" if bus in _KINDS else f"the D-Bus daemon at {bus!r}"
    why = str(error) or type(error).__name__
    if bus == "session" and "DBUS_SESSION_BUS_ADDRESS" not in os.environ:
        return "there is no session bus; start one with `dbus-run-session -- bash`"
    return f"{where} cannot be reached ({why}); check that dbus-daemon runs and allows this user"
