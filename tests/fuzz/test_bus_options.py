"""Any dictionary of options in a D-Bus call: it is refused with the remedy, or has valid values."""

from __future__ import annotations

import io
import math
import struct

from dbus_next._private.unmarshaller import Unmarshaller
from dbus_next.constants import MessageType
from dbus_next.errors import InvalidMessageError
from dbus_next.message import Message
from dbus_next.signature import Variant
from hypothesis import given

from auricle.assistant import ListenOptions
from auricle.context.entry_sets import Source
from auricle.context.store import source_of
from auricle.dbus.options import read_options
from auricle.errors import ArgumentError
from fuzzing.strategies import inputs_of

METHODS = {
    "Listen": {"no_speech_seconds": "d", "maximum_seconds": "d"},
    "Subscribe": {"wake_words": "as"},
    "Set": {"keep": "b", "source": "s"},
    "Duck": {"seconds": "d"},
}
# What dbus-next raises for a body that violates the D-Bus specification; the connection is closed.
UNREADABLE = (
    InvalidMessageError, EOFError, LookupError, RecursionError, ValueError, struct.error,
)  # fmt: skip


def fuzz_one(data: bytes) -> None:
    """Read options with the signature a{sv}; raise AssertionError if a value is not valid."""
    given = options_in(data)
    for method, known in METHODS.items():
        try:
            values = read_options(method, given, known)
            check(method, values)
        except ArgumentError as error:
            assert method in str(error) or "option" in str(error)


def options_in(data: bytes) -> dict[str, Variant]:
    """Return the dictionary that a message body holds, or an empty one if it is not valid."""
    call = Message(
        path="/", interface="a.b", member="C", signature="a{sv}", body=[{}], serial=1,
        message_type=MessageType.METHOD_CALL,
    )  # fmt: skip
    head = bytearray(call._marshall(False))[:-8]
    head[4:8] = struct.pack("<I", len(data))
    try:
        read = Unmarshaller(io.BytesIO(bytes(head) + data)).unmarshall()
        found = read.body[0]
    except (*UNREADABLE, AttributeError, TypeError):
        return {}
    return found if isinstance(found, dict) else {}


def check(method: str, values: dict[str, object]) -> None:
    """Raise AssertionError unless the values may be used."""
    if method == "Listen":
        options = ListenOptions(**values)  # type: ignore[arg-type]
        for seconds in (options.no_speech_seconds, options.maximum_seconds):
            assert seconds is None or (math.isfinite(seconds) and seconds > 0)
    elif method == "Set" and "source" in values:
        source = source_of(1000, str(values["source"]))
        assert isinstance(source, Source)
        assert "/" not in source.name


@given(inputs_of("bus_options"))
def test_any_options_are_refused_or_valid(data: bytes) -> None:
    fuzz_one(data)
