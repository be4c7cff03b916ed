"""What unchecked JSON and YAML may contain, and the checks of single values that both share."""

from __future__ import annotations

import math
from dataclasses import dataclass

from auricle.errors import MalformedError

SHOWN_CHARACTERS = 60  # longest value in a message


@dataclass(frozen=True, slots=True)
class Limits:
    """The largest content that a parser accepts; beyond it the content is refused unread."""

    bytes: int = 256 * 1024
    depth: int = 20  # lists and mappings inside each other
    nodes: int = 10_000  # values, keys, lists and mappings
    digits: int = 40  # of an integer; any number in use has fewer


def shown(text: str) -> str:
    """Return a value for a message: on one line, without control characters, shortened."""
    line = "".join(character if character.isprintable() else " " for character in text)
    return line if len(line) <= SHOWN_CHARACTERS else line[:SHOWN_CHARACTERS] + "..."


def check_size(size: int, limits: Limits) -> None:
    """Raise MalformedError for content of more bytes than the limit."""
    if size > limits.bytes:
        raise MalformedError(f"must not be larger than {size_text(limits.bytes)}; shorten it")


def check_integer(text: str, limits: Limits, line: int = 0) -> None:
    """Raise MalformedError for an integer with too many digits."""
    if len(text) > limits.digits:
        raise MalformedError(
            f"is a number of {len(text)} characters; write at most {limits.digits}",
            line=line,
            value=shown(text),
        )


def check_float(number: float, text: str, line: int = 0) -> None:
    """Raise MalformedError for a number beyond the range of a float, and for NaN."""
    if not math.isfinite(number):
        raise MalformedError(
            "is not a finite number; write one of at most 1e308", line=line, value=shown(text)
        )


def check_text(text: str, place: str, line: int = 0) -> None:
    """Raise MalformedError for text with a NUL character or a surrogate.

    No file name and no D-Bus string can contain the first, and UTF-8 cannot encode the second.
    """
    if "\0" in text:
        raise MalformedError("contains a NUL character; remove it", line=line, place=place)
    if not text.isascii() and any("\ud800" <= character <= "\udfff" for character in text):
        raise MalformedError(
            "contains a surrogate, which is half a character; write whole characters",
            line=line,
            place=place,
        )


def size_text(count: int) -> str:
    """Return a number of bytes for a message, in the largest unit that divides it."""
    for unit, size in (("MiB", 1024 * 1024), ("KiB", 1024)):
        if count >= size and count % size == 0:
            return f"{count // size} {unit}"
    return f"{count} bytes"
