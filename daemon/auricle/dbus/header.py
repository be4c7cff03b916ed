"""The header of a D-Bus message, read before its body.

In: the first bytes of a message. Out: a `Header` with sender, member, signature and size, which is
all that is needed to accept or refuse the message. The wire format is that of the D-Bus
specification, "Message Protocol": https://dbus.freedesktop.org/doc/dbus-specification.html
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from struct import Struct, error
from typing import Any, NamedTuple

FIXED_BYTES = 16  # the part of the header before the header fields
MAX_FIELDS_BYTES = 4096  # of header fields that are read; the names alone have at most 255 bytes
MAX_MESSAGE_BYTES = 128 * 1024 * 1024  # limit of the specification

METHOD_CALL, METHOD_RETURN, ERROR, SIGNAL = 1, 2, 3, 4
NO_REPLY_EXPECTED = 1  # a flag

_VERSION = 1
_LITTLE = ord("l")
_FIXED = {_LITTLE: Struct("<BBBBIII"), ord("B"): Struct(">BBBBIII")}
_UINT32 = {True: Struct("<I"), False: Struct(">I")}
# Type of a header field as it is encoded: size of the signature, signature, zero byte.
_TEXT, _PATH, _UINT, _SIGNATURE = b"\x01s\0", b"\x01o\0", b"\x01u\0", b"\x01g\0"
_TEXTS = (_TEXT, _PATH)
# By the code of a header field, from 1: its type, and what Header has without it.
_KINDS = (b"", _PATH, _TEXT, _TEXT, _TEXT, _UINT, _TEXT, _TEXT, _SIGNATURE, _UINT)
_MISSING = ("", "", "", "", 0, "", "", "", 0)


class StreamError(Exception):
    """The bytes are no D-Bus messages: where the next one begins is unknown."""


class HeaderError(Exception):
    """The header fields of one message are invalid; the next message can be read."""


class Frame(NamedTuple):
    """The fixed part of a header: where the parts of the message end."""

    little: bool  # byte order
    kind: int  # METHOD_CALL, METHOD_RETURN, ERROR or SIGNAL; others are to be ignored
    flags: int
    serial: int
    fields_bytes: int  # size of the header fields without padding
    body_bytes: int

    @property
    def head_bytes(self) -> int:
        """Size of the whole header, with padding: the offset of the body."""
        return FIXED_BYTES + (self.fields_bytes + 7) // 8 * 8


@dataclass(slots=True)  # not frozen: that doubles the cost of a message that is dropped
class Header:
    """The header of a message; the fields are in the order of their codes; "" if missing."""

    frame: Frame
    path: str = ""
    interface: str = ""
    member: str = ""
    error_name: str = ""
    reply_serial: int = 0
    destination: str = ""
    sender: str = ""
    signature: str = ""
    descriptors: int = 0  # number of file descriptors

    @property
    def size(self) -> int:
        """Size of the body in bytes."""
        return self.frame.body_bytes

    @property
    def is_call(self) -> bool:
        """Whether it is a method call."""
        return self.frame.kind == METHOD_CALL

    @property
    def is_reply(self) -> bool:
        """Whether it is a method return or an error."""
        return self.frame.kind in (METHOD_RETURN, ERROR)

    @property
    def wants_reply(self) -> bool:
        """Whether it is a method call whose sender waits for a reply."""
        return self.is_call and not self.frame.flags & NO_REPLY_EXPECTED


def read_frame(data: bytes | bytearray, at: int = 0) -> Frame:
    """Return the fixed part of a header: FIXED_BYTES from the offset `at` on.

    Raises:
        StreamError: this is not the beginning of a D-Bus message.
    """
    layout = _FIXED.get(data[at])
    if layout is None:
        raise StreamError(f"a message begins with byte {data[at]} instead of a byte order")
    order, kind, flags, version, body_bytes, serial, fields_bytes = layout.unpack_from(data, at)
    if version != _VERSION:
        raise StreamError(f"a message has protocol version {version}; version 1 is known")
    frame = Frame(order == _LITTLE, kind, flags, serial, fields_bytes, body_bytes)
    if frame.head_bytes + body_bytes > MAX_MESSAGE_BYTES:
        raise StreamError(f"a message has {frame.head_bytes + body_bytes} bytes; D-Bus allows less")
    return frame


def read_header(frame: Frame, fields: bytes) -> Header:
    """Return the header of a message.

    Args:
        frame: its fixed part.
        fields: its header fields without padding, at most MAX_FIELDS_BYTES.

    Raises:
        HeaderError: a field is damaged, or has another type than the specification gives it.
    """
    if frame.serial == 0:
        raise HeaderError("a message has the serial number 0")
    return Header(frame, *_read_fields(fields, frame.little))


@lru_cache(maxsize=256)  # a client repeats the same fields call after call
def _read_fields(data: bytes, little: bool) -> tuple[Any, ...]:
    """Return the values of the fields, in the order of Header."""
    read_size = _UINT32[little].unpack_from
    found: list[Any] = list(_MISSING)
    at, end = 0, len(data)
    try:
        while at < end:
            at = (at + 7) & ~7
            code, kind = data[at], data[at + 1 : at + 4]
            if 0 < code < len(_KINDS) and kind != _KINDS[code]:
                raise HeaderError("a header field has a wrong type")
            at += 4
            if kind == _UINT:
                (value,) = read_size(data, at)
                at += 4
            else:
                if kind == _SIGNATURE:
                    size, start = data[at], at + 1
                elif kind in _TEXTS:
                    (size,) = read_size(data, at)
                    start = at + 4
                else:  # the specification has no field of another type
                    raise HeaderError("a header field has an unknown type")
                at = start + size + 1
                if data[at - 1] != 0:
                    raise HeaderError("the text of a header field does not end with a zero byte")
                value = data[start : at - 1].decode()
            if 0 < code < len(_KINDS):
                found[code - 1] = value
    except (error, IndexError, UnicodeDecodeError) as fault:
        raise HeaderError("a header field is damaged") from fault
    if at != end:
        raise HeaderError("the header fields do not fill their space")
    return tuple(found)
