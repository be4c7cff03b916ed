"""Reads the `a{sv}` options of a method and checks their keys and types.

The gate of a connection applies `check_option` before a value is decoded.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from dbus_next.signature import Variant

from auricle.errors import ArgumentError


def check_option(method: str, key: object, signature: str, known: Mapping[str, str]) -> None:
    """Check one option.

    Args:
        method: name of the method, for the error message.
        key: the key in the call.
        signature: D-Bus type of the value.
        known: key -> D-Bus type, the options that the method takes.

    Raises:
        ArgumentError: the key is unknown, or the value has another type.
    """
    if not isinstance(key, str) or key not in known:
        takes = ", ".join(f"{name} ({kind})" for name, kind in known.items())
        raise ArgumentError(f"{method} has no option {key!r}; it takes: {takes}")
    if signature != known[key]:
        raise ArgumentError(
            f"option {key!r} of {method} has D-Bus type {signature!r}; give it as {known[key]!r}"
        )


def read_options(
    method: str, given: Mapping[str, Variant], known: Mapping[str, str]
) -> dict[str, Any]:
    """Return the plain values of the options; raises ArgumentError as `check_option` does."""
    for key, value in given.items():
        check_option(method, key, value.signature, known)
    return {key: value.value for key, value in given.items()}
