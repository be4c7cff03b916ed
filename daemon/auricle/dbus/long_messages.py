"""The two ends of a connection's socket, as dbus-next has them, but fit for long messages.

Its reader reads a message of thousands of names in one go, on the event loop; its writer takes a
full socket for a broken one when two messages wait.
"""

from __future__ import annotations

import array
import socket
from struct import unpack_from

from dbus_next._private.constants import LITTLE_ENDIAN
from dbus_next._private.unmarshaller import Unmarshaller
from dbus_next.aio.message_bus import _MessageWriter
from dbus_next.message import Message

LONG_BYTES = 32 * 1024  # a longer message takes more than some 10 ms to read on a small device


class LongMessage(BaseException):  # noqa: N818 - dbus-next hangs up at any Exception
    """All bytes of a long message have come, and none of them is read yet."""


class Reader(Unmarshaller):
    """Reads one message; it stops before a long one unless it is told to `read_long`."""

    def __init__(self, receiver: socket.socket) -> None:
        super().__init__(None, receiver)
        self._whole = False

    def read_long(self) -> Message:
        """Read the message that it has stopped before."""
        self._whole = True
        self.readers |= {"s": self._read_text, "d": self._read_double}
        message: Message = self.unmarshall()
        return message

    def read(self, n: int, prefetch: bool = False) -> int:
        """Return where `n` bytes are in the buffer; dbus-next prefetches a message as a whole."""
        start: int = super().read(n, prefetch)
        if prefetch and n > LONG_BYTES and not self._whole:
            raise LongMessage
        return start

    # As dbus-next has them, but without a look at the socket for each number and string: in a list
    # of names that is half of the time.

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
    """Writes what waits, as far as the socket takes it."""

    def write_callback(self) -> None:
        """Write on, whenever the socket takes more."""
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
        except Exception as error:  # as in dbus-next: whatever it is, the connection is over
            if self.fut is not None and not self.fut.done():
                self.fut.set_exception(error)
            self.bus._finalize(error)

    def _send(self, rest: memoryview) -> int:
        """Send a part of what is left of a message; return how many bytes went."""
        if not self.unix_fds:
            sent: int = self.sock.send(rest)
            return sent
        descriptors = array.array("i", self.unix_fds)
        sent = self.sock.sendmsg([rest], [(socket.SOL_SOCKET, socket.SCM_RIGHTS, descriptors)])
        self.unix_fds = None
        return sent
