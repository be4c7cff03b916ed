"""Reader and writer of a D-Bus connection that can handle long messages.

dbus-next decodes a message of thousands of entries in one step on the event loop, and its writer
takes a full socket for a broken one when two messages are waiting.
"""

from __future__ import annotations

import array
import socket
from struct import unpack_from

from dbus_next._private.constants import LITTLE_ENDIAN
from dbus_next._private.unmarshaller import Unmarshaller
from dbus_next.aio.message_bus import _MessageWriter
from dbus_next.message import Message

LONG_BYTES = 32 * 1024  # decoding more takes over 10 ms on a small device


class LongMessage(BaseException):  # noqa: N818 - dbus-next disconnects at any Exception
    """A long message was received completely and is not decoded yet."""


class Reader(Unmarshaller):
    """Decodes one message; raises LongMessage before a long one until `read_long` is called."""

    def __init__(self, receiver: socket.socket) -> None:
        super().__init__(None, receiver)
        self._whole = False

    def read_long(self) -> Message:
        """Decode the long message."""
        self._whole = True
        self.readers |= {"s": self._read_text, "d": self._read_double}
        message: Message = self.unmarshall()
        return message

    def read(self, n: int, prefetch: bool = False) -> int:
        """Return the offset of the next `n` bytes; dbus-next prefetches a whole message."""
        start: int = super().read(n, prefetch)
        if prefetch and n > LONG_BYTES and not self._whole:
            raise LongMessage
        return start

    # Like the methods of dbus-next, but without a socket check for each value. That check is half
    # of the time for a list of entries.

    def _read_text(self, _: object = None) -> str:
        start = (self.offset + 7) & ~3
        (size,) = unpack_from("<I" if self.endian == LITTLE_ENDIAN else ">I", self.buf, start - 4)
        self.offset = start + size + 1
        return self.buf[start : start + size].decode()

    def _read_double(self, _: object = None) -> float:
        start = (self.offset + 7) & ~7
        self.offset = start + 8
        value: float
        (value,) = unpack_from("<d" if self.endian == LITTLE_ENDIAN else ">d", self.buf, start)
        return value


class Writer(_MessageWriter):
    """Writes the waiting messages as far as the socket accepts them."""

    def write_callback(self) -> None:
        """Write more; called when the socket is writable."""
        try:
            while self.buf is not None or self.messages.qsize():
                if self.buf is None:
                    data, self.unix_fds, self.fut = self.messages.get_nowait()
                    self.buf, self.offset = memoryview(data), 0
                self.offset += self._send(self.buf[self.offset :])
                if self.offset == len(self.buf):
                    self.buf = None
                    if self.fut is not None and not self.fut.done():
                        self.fut.set_result(None)
            self.loop.remove_writer(self.fd)
        except BlockingIOError:
            return
        except Exception as error:  # like dbus-next: any error ends the connection
            if self.fut is not None and not self.fut.done():
                self.fut.set_exception(error)
            self.bus._finalize(error)

    def _send(self, rest: memoryview) -> int:
        """Send a part of the remaining message; return the number of bytes sent."""
        if not self.unix_fds:
            sent: int = self.sock.send(rest)
            return sent
        descriptors = array.array("i", self.unix_fds)
        sent = self.sock.sendmsg([rest], [(socket.SOL_SOCKET, socket.SCM_RIGHTS, descriptors)])
        self.unix_fds = None
        return sent
