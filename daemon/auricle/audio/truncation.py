"""Damage in recordings that libsndfile lets pass, or refuses without telling why.

WAV: impossible rates and channel counts in the header, and data that ends before the header says.
Ogg: a last page that is not complete. (RIFF: Microsoft and IBM, 1991; Ogg: RFC 3533.)
"""

from __future__ import annotations

import os
import struct
from pathlib import Path
from typing import BinaryIO

# A program that records into a pipe cannot know the length: it writes 0, or one near the limit.
WAV_LENGTH_UNKNOWN = 0x7FFF_0000  # bytes
WAV_HIGHEST_RATE = 2**31 - 1  # Hz; libsndfile takes more for a negative number
OGG_PAGE_HEADER = 27  # bytes before the table of segments
OGG_LONGEST_PAGE = OGG_PAGE_HEADER + 255 + 255 * 255  # bytes


def find_damage(path: Path) -> str | None:
    """Say what is wrong with the recording, as the end of a sentence; None if nothing is seen."""
    with path.open("rb") as file:
        magic = file.read(12)
        if magic[:4] == b"RIFF" and magic[8:] == b"WAVE":
            return _wav_damage(file)
        if magic[:4] == b"OggS":
            return _ogg_damage(file)
    return None


def _wav_damage(file: BinaryIO) -> str | None:
    """Walk over the chunks; `file` stands behind the WAVE mark."""
    while len(header := file.read(8)) == 8:
        kind, length = struct.unpack("<4sI", header)
        begin = file.tell()
        if kind == b"fmt " and (damage := _wav_format_damage(file.read(8))):
            return damage
        if kind == b"data":
            return _wav_length_damage(length, os.fstat(file.fileno()).st_size - begin)
        file.seek(begin + length + length % 2)
    return "is cut off inside its WAV header"


def _wav_format_damage(fields: bytes) -> str | None:
    if len(fields) < 8:
        return "is cut off inside its WAV header"
    _, channels, rate = struct.unpack("<HHI", fields)
    if channels == 0:
        return "has a header that claims 0 channels"
    if rate == 0 or rate > WAV_HIGHEST_RATE:
        return f"has a header that claims a sample rate of {rate} Hz"
    return None


def _wav_length_damage(claimed: int, present: int) -> str | None:
    if present < claimed < WAV_LENGTH_UNKNOWN:
        return f"is cut off: its header claims {claimed} bytes of sound, but {present} are there"
    return None


def _ogg_damage(file: BinaryIO) -> str | None:
    size = os.fstat(file.fileno()).st_size
    file.seek(max(0, size - OGG_LONGEST_PAGE))
    tail = file.read()
    last = tail[tail.rfind(b"OggS") :]
    segments = last[OGG_PAGE_HEADER - 1] if len(last) >= OGG_PAGE_HEADER else 0
    table = last[OGG_PAGE_HEADER : OGG_PAGE_HEADER + segments]
    if len(last) < OGG_PAGE_HEADER or len(last) < OGG_PAGE_HEADER + segments + sum(table):
        return "is cut off in the middle of an Ogg page"
    return None
