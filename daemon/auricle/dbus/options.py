"""Checks the keys and types of the `a{sv}` options of a method, before their values are decoded."""

from __future__ import annotations

from collections.abc import Mapping

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
