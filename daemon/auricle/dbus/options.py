"""Reading the `a{sv}` options of a method: every key known, every value of its type."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from dbus_next.signature import Variant

from auricle.errors import ArgumentError


def read_options(
    method: str, given: Mapping[str, Variant], known: Mapping[str, str]
) -> dict[str, Any]:
    """Return the plain values of `given`; `known` maps each key to its D-Bus type.

    Raises ArgumentError for a key that `method` does not know or a value of another type.
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
