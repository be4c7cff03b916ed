"""The file format of an entry set: one line with the whole entry set, then one line per addition.

In: successive versions of an entry set. Out: the bytes to append for the next version; and the last
version, read back from all bytes. Each line is a JSON object that ends with its checksum, so that a
line truncated by a power cut is detected and all lines before it stay valid.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any
from zlib import crc32

from auricle.context.entries import Entry
from auricle.context.entry_sets import EntrySet
from auricle.context.validation import read_entries
from auricle.parsing.json_text import parse_json
from auricle.parsing.limits import Limits

LIMITS = Limits(bytes=64 * 1024 * 1024, nodes=10_000_000)  # more than `entry_sets` allows
FORMAT = 2
OLDER = 1  # one JSON object without a checksum
_SUM = re.compile(rb',"sum":"([0-9a-f]{8})"\}')
_SUM_BYTES = len(b',"sum":"00000000"}')


@dataclass(frozen=True, slots=True)
class Kept:
    """The content of a file."""

    entry_set: EntrySet
    whole: int  # bytes of the first line, which has the whole entry set
    length: int  # bytes up to the end of the last valid line

    def can_take(self, more: int, room: int) -> bool:
        """Return whether `more` bytes may be appended; otherwise the file must be rewritten.

        All additions together are at most as long as the first line, or as `room` if that is more.
        The total number of bytes written is therefore proportional to the additions.
        """
        return self.length - self.whole + more <= max(self.whole, room)


def whole(entry_set: EntrySet) -> bytes:
    """Return the line for a whole entry set."""
    kinds = {kind: _as_lists(entries) for kind, entries in entry_set.kinds.items()}
    return _line({"format": FORMAT, "kinds": kinds})


def addition(before: EntrySet, after: EntrySet) -> bytes | None:
    """Return the line that turns `before` into `after`; None if the file must be rewritten.

    The file must be rewritten if entries were removed, because they must also leave the disk.
    """
    added: dict[str, list[Entry]] = {}
    for kind, new in after.kinds.items():
        old = before.kinds.get(kind)
        if old is not new and (more := new.not_in(old)):
            added[kind] = more
    made = before
    for kind, entries in added.items():
        made = made.with_more(kind, entries)
    if list(made.kinds) != list(after.kinds) or made != after:
        return None
    return _line({"added": {kind: _as_lists(entries) for kind, entries in added.items()}})


def read(data: bytes) -> Kept:
    """Read the bytes of a file.

    A damaged line after the first is ignored, with all lines after it; `length` is then less than
    the length of `data`.

    Raises:
        Exception: any class, if the first line is damaged.
    """
    first, newline, _ = data.partition(b"\n")
    content = parse_json(first if newline else data, LIMITS)
    if content["format"] == OLDER:
        # No file has this length, so the next change rewrites the file in the current format.
        return Kept(_entry_set(content), 0, len(data) + 1)
    if content["format"] != FORMAT or not newline or not _is_sound(first):
        raise ValueError
    entry_set, start = _entry_set(content), len(first) + 1
    length = start
    while (end := data.find(b"\n", length)) >= 0:
        line = data[length:end]
        if not _is_sound(line):
            break
        for kind, given in parse_json(line, LIMITS)["added"].items():
            entry_set = entry_set.with_more(kind, read_entries(kind, given))
        length = end + 1
    return Kept(entry_set, start, length)


def _entry_set(content: Any) -> EntrySet:
    entry_set = EntrySet()
    for kind, given in content["kinds"].items():
        entry_set = entry_set.with_only(kind, read_entries(kind, given))
    return entry_set


def _as_lists(entries: Iterable[Entry]) -> list[Any]:
    return [[entry.written, entry.spoken, entry.weight, entry.id] for entry in entries]


def _line(content: dict[str, Any]) -> bytes:
    text = json.dumps(content, ensure_ascii=False, separators=(",", ":")).encode()[:-1]
    return text + b',"sum":"%08x"}\n' % crc32(text)


def _is_sound(line: bytes) -> bool:
    """Return whether the checksum of a line is right."""
    found = _SUM.fullmatch(line, max(0, len(line) - _SUM_BYTES))
    return found is not None and int(found[1], 16) == crc32(line[: found.start()])
