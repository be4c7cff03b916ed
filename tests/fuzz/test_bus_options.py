"""Any dictionary of options in a D-Bus call: it is refused with the remedy, or has valid values."""

from __future__ import annotations

import math
from typing import Any

from dbus_next.signature import Variant
from hypothesis import given

from auricle.assistant import ListenOptions
from auricle.context.entry_sets import Source
from auricle.context.store import source_of
from auricle.dbus.body import Body, BodyError
from auricle.dbus.options import check_option
from auricle.errors import ArgumentError
from fuzzing.strategies import inputs_of

METHODS = {
    "Listen": {"no_speech_seconds": "d", "maximum_seconds": "d"},
    "Subscribe": {"wake_words": "as"},
    "Set": {"keep": "b", "source": "s"},
    "Duck": {"seconds": "d"},
}
TYPES = {"d": float, "b": bool, "s": str, "as": list}


def fuzz_one(data: bytes) -> None:
    """Read a body of the type a{sv}; raise AssertionError if a value is not valid."""
    for method in METHODS:
        try:
            check(method, options_of(method, data))
        except BodyError:
            continue  # the bytes are no such body
        except ArgumentError as error:
            assert method in str(error) or "option" in str(error)


def options_of(method: str, data: bytes) -> dict[str, Any]:
    """Return the options in the body of a call, as the daemon decodes them."""
    known = METHODS[method]

    def accept(_: list[Any], key: object, signature: str) -> None:
        check_option(method, key, signature, known)

    (options,) = Body(data, "a{sv}", accept=accept).read()
    values: dict[str, Any] = {}
    for key, value in options.items():
        assert isinstance(value, Variant)
        assert isinstance(value.value, TYPES[known[key]])
        values[key] = value.value
    return values


def check(method: str, values: dict[str, Any]) -> None:
    """Raise AssertionError unless the values may be used."""
    if method == "Listen":
        options = ListenOptions(**values)
        for seconds in (options.no_speech_seconds, options.maximum_seconds):
            assert seconds is None or (math.isfinite(seconds) and seconds > 0)
    elif method == "Set" and "source" in values:
        source = source_of(1000, values["source"])
        assert isinstance(source, Source)
        assert "/" not in source.name


@given(inputs_of("bus_options"))
def test_any_options_are_refused_or_valid(data: bytes) -> None:
    fuzz_one(data)
