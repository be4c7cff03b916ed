"""Checks that a TFLite file is complete: that every offset in it points inside the file.

In: the content of a file. Out: whether it is complete. The older of the two runtimes does not check
its files: one truncated by a broken download or a full disk would crash the daemon.

The format is a FlatBuffer (https://flatbuffers.dev/internals). A table begins with the distance
back to its vtable, which holds the offset of each field within the table. A vector begins with its
length.
"""

from __future__ import annotations

import struct
from mmap import mmap
from typing import TypeAlias

IDENTIFIER = b"TFL3"

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
    """An offset or length points outside the file."""


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

    def check_table(self, name: str, position: int) -> None:
        """Check a table and everything that its fields point to."""
        vtable = position - self.read("<i", position)
        vtable_size, size = self.read("<H", vtable), self.read("<H", vtable + 2)
        self.check_extent(vtable, vtable_size)
        self.check_extent(position, size)
        for field, kind in TABLES[name].items():
            slot = 4 + 2 * field
            offset = self.read("<H", vtable + slot) if slot < vtable_size else 0
            if offset:
                self.check_field(kind, self.follow(position + offset))

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
        self.check_extent(position, struct.calcsize(form))
        number: int = struct.unpack_from(form, self.content, position)[0]
        return number

    def check_extent(self, position: int, size: int) -> None:
        """Check that a range of bytes lies inside the file."""
        if position < 0 or position + size > len(self.content):
            raise CutShortError
