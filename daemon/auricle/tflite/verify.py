"""Whether a TFLite file is whole: all that its tables point to lies inside it.

In: the content of a file. Out: yes or no. The older of the two runtimes trusts its files, and would
take the daemon down with it on one that a broken download or a full disk cut short.

The format is a FlatBuffer (https://flatbuffers.dev/internals): a table begins with the distance
back to its vtable, which says where in the table each field is; vectors begin with their length.
"""

from __future__ import annotations

import struct
from mmap import mmap
from typing import TypeAlias

IDENTIFIER = b"TFL3"

# What a field points to: a vector of elements of so many bytes (a string has elements of one), a
# table, or a vector of tables.
Kind: TypeAlias = int | str | tuple[str]

# Fields that point somewhere, by their number in TensorFlow's schema.fbs; the rest lie inline.
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
    """Something lies outside the file."""


def is_whole(content: bytes | mmap) -> bool:
    """Return whether a TFLite file has all its parts; what is in them is not looked at."""
    file = File(content)
    try:
        file.check_table("Model", file.follow(0))
    except CutShortError:
        return False
    return content[4:8] == IDENTIFIER


class File:
    """The content of a file, read only where there is some."""

    def __init__(self, content: bytes | mmap) -> None:
        self.content = content

    def check_table(self, name: str, position: int) -> None:
        """Refuse a table of which something lies outside the file."""
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
        """Refuse what a field points to, if some of it lies outside the file."""
        if isinstance(kind, str):
            self.check_table(kind, position)
            return
        length = self.read("<I", position)
        self.check_extent(position + 4, length * (kind if isinstance(kind, int) else 4))
        if isinstance(kind, tuple):
            for index in range(length):
                self.check_table(kind[0], self.follow(position + 4 + 4 * index))

    def follow(self, position: int) -> int:
        """Return where the reference at a position points to."""
        return position + self.read("<I", position)

    def read(self, form: str, position: int) -> int:
        """Return the number at a position, of a form of `struct`."""
        self.check_extent(position, struct.calcsize(form))
        number: int = struct.unpack_from(form, self.content, position)[0]
        return number

    def check_extent(self, position: int, size: int) -> None:
        """Refuse a stretch that does not lie inside the file."""
        if position < 0 or position + size > len(self.content):
            raise CutShortError
