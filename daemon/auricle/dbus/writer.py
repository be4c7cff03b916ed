"""Writes the messages of a connection, as far as its socket accepts them.

dbus-next's writer takes a full socket for a broken one when two messages are waiting.
"""

from __future__ import annotations

import array
import socket

from dbus_next.aio.message_bus import _MessageWriter

from auricle.dbus.header import ERROR

MAX_WAITING_REFUSALS = 1000  # refusals that wait for the socket; further ones are dropped


class Writer(_MessageWriter):
    """Writes the waiting messages as far as the socket accepts them."""

    def put_refusal(self, data: bytes) -> None:
        """Write an encoded message, unless too many are waiting."""
        if self.messages.qsize() < MAX_WAITING_REFUSALS:
            self.messages.put_nowait((data, None, None))
            self.schedule_write()

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


def encode_error(serial: int, reply_serial: int, destination: str, name: str, text: str) -> bytes:
    """Return an error message in little-endian byte order.

    It is much cheaper than dbus-next's encoder, so that refusing costs less than calling.
    """
    body = _string(text)
    fields = bytearray()
    _add_field(fields, 5, "u", reply_serial.to_bytes(4, "little"))
    _add_field(fields, 6, "s", _string(destination))
    _add_field(fields, 4, "s", _string(name))
    _add_field(fields, 8, "g", b"\x01s\x00")
    size = len(fields)
    head = b"l%c\x01\x01" % ERROR
    numbers = b"".join(number.to_bytes(4, "little") for number in (len(body), serial, size))
    return head + numbers + fields + bytes(-size % 8) + body


def _add_field(fields: bytearray, code: int, kind: str, value: bytes) -> None:
    """Add a header field; its value begins at a multiple of four bytes, or is a signature."""
    fields += bytes(-len(fields) % 8)
    fields += b"%c\x01%c\x00" % (code, ord(kind)) + value


def _string(text: str) -> bytes:
    data = text.encode(errors="replace")
    return len(data).to_bytes(4, "little") + data + b"\x00"
