"""Reads the `a{sv}` options of a method and checks their keys and types."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from dbus_next.signature import Variant

from auricle.errors import ArgumentError


def read_options(
    method: str, given: Mapping[str, Variant], known: Mapping[str, str]
) -> dict[str, Any]:
    """Return the plain values of the options.

    Args:
        method: name of the method, for the error message.
        given: the options of the call.
        known: key -> D-Bus type.

    Raises:
        ArgumentError: a key is unknown, or a value has another type.
    """
    for key, value in given.items():
        if key not in known:
            takes = ", ".join(f"{name} ({kind})" for name, kind in known.items())
            raise ArgumentError(f"{method} has no option {key!r}; it takes: {takes}")
        if value.signature != known[key]:
            raise ArgumentError(
                f"option {key!r} of {method} has D-Bus type {value.signature!r}; "
                f"give it as {known[key]!r}"
            )
    return {key: value.value for key, value in given.items()}
