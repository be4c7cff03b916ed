"""Checks that a TFLite file is complete: that every offset in it points inside the file.

In: the content of a file. Out: whether it is complete, and bounds-checked reads. The older of the
two runtimes does not check its files: one truncated by a broken download or a full disk would crash
the daemon. `values.py` checks the numbers.

The format is a FlatBuffer (https://flatbuffers.dev/internals). A table begins with the distance
back to its vtable, which holds the offset of each field within the table. A vector begins with its
length.
"""

from __future__ import annotations

import struct
from mmap import mmap
from typing import TypeAlias

IDENTIFIER = b"TFL3"
# Reads per file: its tables have at least as many bytes. More means that they share parts, so that
# a small file could take forever to check.
SPARE_READS = 10_000

# What a field points to. int: a vector with elements of that many bytes (1 for a string); str: a
# table of that name; tuple: a vector of tables of that name.
Kind: TypeAlias = int | str | tuple[str]

# Fields that are offsets, by their number in TensorFlow's schema.fbs; all others are inline.
TABLES: dict[str, dict[int, Kind]] = {
    "Model": {1: ("OperatorCode",), 2: ("SubGraph",), 3: 1, 4: ("Buffer",), 7: ("SignatureDef",)},
    "OperatorCode": {1: 1},
    "SubGraph": {0: ("Tensor",), 1: 4, 2: 4, 3: ("Operator",), 4: 1},
    "Tensor": {0: 4, 3: 1, 4: "QuantizationParameters", 7: 4},
    "QuantizationParameters": {0: 4, 1: 4, 2: 4, 3: 8},
    "Operator": {1: 4, 2: 4, 4: "Options", 5: 1},
    "Options": {},
    "Buffer": {0: 1},
    "SignatureDef": {0: ("TensorMap",), 1: ("TensorMap",), 2: 1},
    "TensorMap": {0: 1},
}


class CutShortError(Exception):
    """An offset or length points outside the file, or the tables share their parts."""


def is_whole(content: bytes | mmap) -> bool:
    """Return whether a TFLite file is complete; the values in it are not checked."""
    file = File(content)
    try:
        file.check_table("Model", file.follow(0))
    except CutShortError:
        return False
    return content[4:8] == IDENTIFIER


class File:
    """The content of a file with bounds-checked reads; every method raises CutShortError."""

    def __init__(self, content: bytes | mmap) -> None:
        self.content = content
        self.reads_left = len(content) + SPARE_READS

    def check_table(self, name: str, position: int) -> None:
        """Check a table and everything that its fields point to."""
        vtable = position - self.read("<i", position)
        vtable_size, size = self.read("<H", vtable), self.read("<H", vtable + 2)
        self.check_extent(vtable, vtable_size)
        self.check_extent(position, size)
        for field, kind in TABLES[name].items():
            place = self.field(position, field)
            if place is not None:
                self.check_field(kind, self.follow(place))

    def field(self, table: int, field: int) -> int | None:
        """Return the position of a field of the table at a position; None if it is absent."""
        vtable = table - self.read("<i", table)
        slot = 4 + 2 * field
        offset = self.read("<H", vtable + slot) if slot < self.read("<H", vtable) else 0
        return table + offset if offset else None

    def number(self, table: int, field: int, form: str) -> int:
        """Return a number of a table in a `struct` format; 0 if it is absent."""
        place = self.field(table, field)
        return 0 if place is None else self.read(form, place)

    def vector(self, table: int, field: int, size: int) -> range:
        """Return the positions of the elements, each of `size` bytes, of a vector of a table."""
        place = self.field(table, field)
        if place is None:
            return range(0)
        start = self.follow(place)
        length = self.read("<I", start)
        self.check_extent(start + 4, length * size)
        return range(start + 4, start + 4 + length * size, size)

    def tables(self, table: int, field: int) -> list[int]:
        """Return the positions of the tables in a vector of a table."""
        return [self.follow(place) for place in self.vector(table, field, 4)]

    def check_field(self, kind: Kind, position: int) -> None:
        """Check what a field points to."""
        if isinstance(kind, str):
            self.check_table(kind, position)
            return
        length = self.read("<I", position)
        self.check_extent(position + 4, length * (kind if isinstance(kind, int) else 4))
        if isinstance(kind, tuple):
            for index in range(length):
                self.check_table(kind[0], self.follow(position + 4 + 4 * index))

    def follow(self, position: int) -> int:
        """Return the position that the offset at a position points to."""
        return position + self.read("<I", position)

    def read(self, form: str, position: int) -> int:
        """Return the number at a position in a `struct` format."""
        self.reads_left -= 1
        if self.reads_left < 0:
            raise CutShortError
        self.check_extent(position, struct.calcsize(form))
        number: int = struct.unpack_from(form, self.content, position)[0]
        return number

    def check_extent(self, position: int, size: int) -> None:
        """Check that a range of bytes lies inside the file."""
        if position < 0 or position + size > len(self.content):
            raise CutShortError
