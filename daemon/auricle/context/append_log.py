"""A kept shelf as lines: what it was as a whole, and what was added since.

In: shelves, one after another. Out: the bytes that are to be appended for the next one, and from
all bytes the last shelf. Each line is a JSON object that ends in its own check sum: what a power
cut left of a line is known by that, and everything before it holds.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any
from zlib import crc32

from auricle.context.entries import Entry
from auricle.context.entry_sets import Key, Shelf
from auricle.context.validation import read_entries

FORMAT = 2
OLDER = 1  # one JSON object, without a check sum
_SUM = re.compile(rb',"sum":"([0-9a-f]{8})"\}')
_SUM_BYTES = len(b',"sum":"00000000"}')


@dataclass(frozen=True, slots=True)
class Kept:
    """What a file holds."""

    shelf: Shelf
    whole: int  # bytes of the line that tells it as a whole
    length: int  # bytes up to which all is well

    def can_take(self, more: int, room: int) -> bool:
        """Return whether so many bytes may be appended; else all is to be written anew.

        Additions never come to more than the whole, or than `room` where that is more: what is
        written in all is then in proportion to them.
        """
        return self.length - self.whole + more <= max(self.whole, room)


def whole(shelf: Shelf) -> bytes:
    """Return the line that tells a shelf as a whole."""
    kinds = {kind: _as_lists(entries.values()) for kind, entries in shelf.kinds.items()}
    return _line({"format": FORMAT, "kinds": kinds})


def addition(before: Shelf, after: Shelf) -> bytes | None:
    """Return the line that makes one shelf another; None if only the whole may tell it.

    So it is if entries are gone: what its owner has removed is to be gone from the disk too.
    """
    added: dict[str, list[Entry]] = {}
    for kind, new in after.kinds.items():
        old = before.kinds.get(kind, {})
        if old is not new and (more := [one for key, one in new.items() if old.get(key) != one]):
            added[kind] = more
    made = before
    for kind, entries in added.items():
        made = made.with_more(kind, entries)
    if _order(made) != _order(after):
        return None
    return _line({"added": {kind: _as_lists(entries) for kind, entries in added.items()}})


def read(data: bytes) -> Kept:
    """Return the last shelf that the bytes of a file tell.

    Raises an error of any kind if not even the first line can be read. A later one that cannot is
    left out, and all that follow it: `length` then is less than there are bytes.
    """
    first, newline, _ = data.partition(b"\n")
    content = json.loads(first if newline else data)
    if content["format"] == OLDER:
        return Kept(_shelf(content), 0, len(data) + 1)  # as no file is long: it is to be replaced
    if content["format"] != FORMAT or not newline or not _is_sound(first):
        raise ValueError
    shelf, start = _shelf(content), len(first) + 1
    length = start
    while (end := data.find(b"\n", length)) >= 0:
        line = data[length:end]
        if not _is_sound(line):
            break
        for kind, given in json.loads(line)["added"].items():
            shelf = shelf.with_more(kind, read_entries(kind, given))
        length = end + 1
    return Kept(shelf, start, length)


def _order(shelf: Shelf) -> list[tuple[str, list[Key]]]:
    """Return in which order everything stands."""
    return [(kind, [*entries]) for kind, entries in shelf.kinds.items()]


def _shelf(content: Any) -> Shelf:
    shelf = Shelf()
    for kind, given in content["kinds"].items():
        shelf = shelf.with_only(kind, read_entries(kind, given))
    return shelf


def _as_lists(entries: Iterable[Entry]) -> list[Any]:
    return [[entry.written, entry.spoken, entry.weight, entry.id] for entry in entries]


def _line(content: dict[str, Any]) -> bytes:
    text = json.dumps(content, ensure_ascii=False, separators=(",", ":")).encode()[:-1]
    return text + b',"sum":"%08x"}\n' % crc32(text)


def _is_sound(line: bytes) -> bool:
    """Return whether a line is as it was written."""
    found = _SUM.fullmatch(line, max(0, len(line) - _SUM_BYTES))
    return found is not None and int(found[1], 16) == crc32(line[: found.start()])
