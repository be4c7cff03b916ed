"""Finds damage in recordings that libsndfile accepts, or rejects without a clear reason.

WAV: impossible rates and channel counts, and data that is shorter than the header says. Ogg: an
incomplete last page. (RIFF: Microsoft and IBM, 1991; Ogg: RFC 3533.)
"""

from __future__ import annotations

import os
import struct
from pathlib import Path
from typing import BinaryIO

# A program that records into a pipe does not know the length. It writes 0, or nearly the maximum.
WAV_LENGTH_UNKNOWN = 0x7FFF_0000  # bytes
WAV_HIGHEST_RATE = 2**31 - 1  # Hz; libsndfile reads higher values as negative
OGG_PAGE_HEADER = 27  # bytes before the segment table
OGG_LONGEST_PAGE = OGG_PAGE_HEADER + 255 + 255 * 255  # bytes


def find_damage(path: Path) -> str | None:
    """Return the damage as the predicate of a sentence, such as "is truncated ..."; else None."""
    with path.open("rb") as file:
        magic = file.read(12)
        if magic[:4] == b"RIFF" and magic[8:] == b"WAVE":
            return _wav_damage(file)
        if magic[:4] == b"OggS":
            return _ogg_damage(file)
    return None


def _wav_damage(file: BinaryIO) -> str | None:
    """Walk over the chunks, from the position after the WAVE tag."""
    while len(header := file.read(8)) == 8:
        kind, length = struct.unpack("<4sI", header)
        begin = file.tell()
        if kind == b"fmt " and (damage := _wav_format_damage(file.read(8))):
            return damage
        if kind == b"data":
            return _wav_length_damage(length, os.fstat(file.fileno()).st_size - begin)
        file.seek(begin + length + length % 2)
    return "is truncated inside its WAV header"


def _wav_format_damage(fields: bytes) -> str | None:
    if len(fields) < 8:
        return "is truncated inside its WAV header"
    _, channels, rate = struct.unpack("<HHI", fields)
    if channels == 0:
        return "has 0 channels in its header"
    if rate == 0 or rate > WAV_HIGHEST_RATE:
        return f"has a sample rate of {rate} Hz in its header"
    return None


def _wav_length_damage(claimed: int, present: int) -> str | None:
    if present < claimed < WAV_LENGTH_UNKNOWN:
        return f"is truncated: its header says {claimed} bytes of audio, but there are {present}"
    return None


def _ogg_damage(file: BinaryIO) -> str | None:
    size = os.fstat(file.fileno()).st_size
    file.seek(max(0, size - OGG_LONGEST_PAGE))
    tail = file.read()
    last = tail[tail.rfind(b"OggS") :]
    segments = last[OGG_PAGE_HEADER - 1] if len(last) >= OGG_PAGE_HEADER else 0
    table = last[OGG_PAGE_HEADER : OGG_PAGE_HEADER + segments]
    if len(last) < OGG_PAGE_HEADER or len(last) < OGG_PAGE_HEADER + segments + sum(table):
        return "is truncated in the middle of an Ogg page"
    return None
