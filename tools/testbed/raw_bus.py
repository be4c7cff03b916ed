"""A D-Bus client that sends bytes as they are, and bodies that are expensive to decode.

It shows how a service handles callers that no D-Bus library would allow. It imports nothing of the
daemon under test.
"""

from __future__ import annotations

import os
import re
import socket
import struct
from typing import Self

NAME = "org.auricle.Assistant1"
PATH = "/org/auricle/Assistant1"
PROPERTIES = "org.freedesktop.DBus.Properties"
BUS, BUS_PATH = "org.freedesktop.DBus", "/org/freedesktop/DBus"
NO_REPLY = 1


class RawClient:
    """A blocking connection to a D-Bus daemon, for the time of a `with` block."""

    def __init__(self, address: str) -> None:
        """Connect to a `unix:path=` address, authenticate and say hello."""
        found = re.search(r"unix:path=([^,]+)", address)
        if found is None:
            raise ValueError(f"{address!r} is no address of the form unix:path=PATH")
        self.socket = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        self.socket.connect(found[1])
        self._rest = b""
        user = str(os.getuid()).encode().hex()
        self.socket.sendall(f"\0AUTH EXTERNAL {user}\r\n".encode())
        while b"\r\n" not in self._rest:
            self._rest += self.socket.recv(1024)
        self._rest = b""
        self.socket.sendall(b"BEGIN\r\n")
        self.send(encode_call(1, BUS, BUS_PATH, BUS, "Hello"))
        hello = self.receive()
        self.name = hello[hello.rindex(b":") : -1].decode()  # the unique name

    def __enter__(self) -> Self:
        """Return the connected client."""
        return self

    def __exit__(self, *_: object) -> None:
        """Disconnect."""
        self.socket.close()

    def send(self, data: bytes) -> None:
        """Send bytes."""
        self.socket.sendall(data)

    def receive(self, seconds: float | None = 30.0) -> bytes:
        """Return the next whole message; raises TimeoutError or EOFError."""
        self.socket.settimeout(seconds)
        while True:
            size = _size_of(self._rest)
            if size is not None and len(self._rest) >= size:
                message, self._rest = self._rest[:size], self._rest[size:]
                return message
            received = self.socket.recv(65536)
            if not received:
                raise EOFError("the D-Bus daemon closed the connection")
            self._rest += received

    def reply_to(self, serial: int, seconds: float | None = 30.0) -> bytes:
        """Return the reply to a call; other messages are dropped."""
        while True:
            message = self.receive(seconds)
            # The bus daemon and Auricle write the field REPLY_SERIAL as code 5, type u.
            if struct.pack("<BBBBI", 5, 1, ord("u"), 0, serial) in message:
                return message


def encode_call(
    serial: int,
    destination: str,
    path: str,
    interface: str,
    member: str,
    signature: str = "",
    body: bytes = b"",
    flags: int = 0,
) -> bytes:
    """Return a method call in little-endian byte order; `body` is taken as it is."""
    fields = b""
    for code, kind, text in (
        (1, "o", path),
        (2, "s", interface),
        (3, "s", member),
        (6, "s", destination),
        (8, "g", signature),
    ):
        if text:
            fields += bytes(-len(fields) % 8)
            size = bytes([len(text)]) if kind == "g" else struct.pack("<I", len(text))
            fields += bytes([code, 1, ord(kind), 0]) + size + text.encode() + b"\0"
    head = struct.pack("<BBBBIII", ord("l"), 1, flags, 1, len(body), serial, len(fields))
    return head + fields + bytes(-len(fields) % 8) + body


def call_auricle(
    serial: int, interface: str, member: str, signature: str, body: bytes, flags: int = 0
) -> bytes:
    """Return a call of a method of Auricle's root object."""
    return encode_call(serial, NAME, PATH, interface, member, signature, body, flags)


def string(text: str, at: int = 0) -> bytes:
    """Return the encoded string, with padding from the offset `at`."""
    data = text.encode()
    return bytes(-at % 4) + struct.pack("<I", len(data)) + data + b"\0"


def nested_variants(size: int) -> bytes:
    """Return the body of Properties.Set for Muted, with an array of variants as the value."""
    start = string(NAME)
    start += string("Muted", len(start))
    start += b"\x02av\0"
    items = b"\x01y\0\0" * (size // 4)
    return start + bytes(-len(start) % 4) + struct.pack("<I", len(items)) + items


# Signature of an array -> an encoded item, its padding in front of the next one, alignment.
ARRAYS = {
    "as": (bytes(5), 3, 4),
    "a(y)": (bytes(1), 7, 8),
    "aay": (bytes(4), 0, 4),
    "a{yv}": (b"\0\x01y\0\0", 3, 8),
    "av": (b"\x01y\0\0", 0, 4),
    "ay": (bytes(1), 0, 4),
}


def hostile_array(signature: str, size: int) -> bytes:
    """Return a body of about `size` bytes: one array of the smallest items of a type of ARRAYS."""
    item, padding, align = ARRAYS[signature]
    step = len(item) + padding
    items = (item + bytes(padding)) * (size // step)
    items = items[: len(items) - padding]
    return struct.pack("<I", len(items)) + bytes(align - 4) + items


def _size_of(data: bytes) -> int | None:
    """Return the size of the message that `data` begins with; None if that is not known yet."""
    if len(data) < 16:
        return None
    order = "<" if data[0] == ord("l") else ">"
    body, _, fields = struct.unpack_from(f"{order}III", data, 4)
    return int(16 + (fields + 7) // 8 * 8 + body)
