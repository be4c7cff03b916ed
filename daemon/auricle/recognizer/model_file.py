"""Common part of the language-model files: memory mapping and the header.

In: a path and the expected kind of file. Out: its content, checked, or a ModelError that says what
is wrong. The header consists of a magic word, a version, the order of the n-grams, the size of the
vocabulary, numbers specific to the kind, a checksum of everything after the header, and a digest of
the vocabulary.
"""

from __future__ import annotations

import struct
import zlib
from collections.abc import Sequence
from dataclasses import dataclass
from hashlib import blake2b
from mmap import ACCESS_READ, mmap
from pathlib import Path
from typing import NamedTuple

from auricle.errors import MalformedError, ModelError
from auricle.parsing.files import open_regular

MOST_STEP = 100.0  # nats; a probability has at most 255 steps
MOST_BACKOFF = 1000.0  # nats, positive or negative
LEVEL = struct.Struct("<Ifff")  # n-grams, step of log probabilities, least backoff, its step


@dataclass(frozen=True, slots=True)
class FileKind:
    """A kind of language-model file."""

    name: str  # name in error messages
    magic: bytes
    version: int
    header: struct.Struct
    longest: int  # highest order of the n-grams


class LevelHeader(NamedTuple):
    """The header of one n-gram length."""

    size: int  # number of n-grams
    step: float  # of the log probabilities
    least_backoff: float
    backoff_step: float


def digest(pieces: Sequence[str]) -> bytes:
    """Return a digest of a vocabulary, 16 bytes."""
    return blake2b("\n".join(pieces).encode(), digest_size=16).digest()


def mapped(path: Path) -> mmap:
    """Return the content of a file, memory-mapped; raise ModelError if it cannot be read."""
    try:
        with open_regular(path) as file:
            return mmap(file.fileno(), 0, access=ACCESS_READ)
    except (OSError, ValueError, MalformedError) as error:  # an empty file cannot be mapped
        raise ModelError(f"{path}: cannot be read ({error}): reinstall the bundle") from error


def check_header(
    path: Path, content: mmap, kind: FileKind, pieces: Sequence[str]
) -> tuple[int, tuple[int, ...]]:
    """Check the header and the checksum of a language-model file.

    Args:
        path: path of the file, for error messages.
        content: content of the file.
        kind: expected kind of file.
        pieces: vocabulary that the model must have been made for.

    Returns:
        The order of its n-grams, and the numbers specific to the kind.

    Raises:
        ModelError: the file is of another kind, damaged, too new, or made for another vocabulary.
    """
    header = kind.header
    if len(content) < header.size or content[: len(kind.magic)] != kind.magic:
        raise ModelError(f"{path}: is not a {kind.name}: reinstall the bundle")
    _, version, order, tokens, *own, checksum, vocabulary = header.unpack_from(content)
    if version != kind.version:
        raise ModelError(
            f"{path}: has version {version}, but this Auricle reads version {kind.version}: "
            "update Auricle, or install the bundle that came with it"
        )
    if vocabulary != digest(pieces) or tokens != len(pieces):
        raise ModelError(
            f"{path}: was made for another vocabulary, of {tokens} tokens: "
            "the file and the token list must come from one bundle"
        )
    whole = 1 <= order <= kind.longest and len(content) >= header.size + order * LEVEL.size
    if not whole or zlib.crc32(memoryview(content)[header.size :]) != checksum:
        raise ModelError(f"{path}: is damaged: reinstall the bundle")
    return int(order), tuple(own)


def level_headers(path: Path, content: mmap, start: int, order: int) -> list[LevelHeader]:
    """Return the headers of the n-gram lengths, which begin at `start`.

    Raises:
        ModelError: a step or a backoff is not finite or impossible, so that scores would be NaN,
            infinite or above 0.
    """
    found = []
    for length in range(order):
        header = LevelHeader(*LEVEL.unpack_from(content, start + length * LEVEL.size))
        steps_fit = all(0 <= step <= MOST_STEP for step in (header.step, header.backoff_step))
        if not steps_fit or not abs(header.least_backoff) <= MOST_BACKOFF:
            raise ModelError(
                f"{path}: the scores of its {length + 1}-grams are impossible numbers: reinstall "
                "the bundle"
            )
        found.append(header)
    return found


def pack_header(
    kind: FileKind, order: int, pieces: Sequence[str], own: Sequence[int], body: bytes
) -> bytes:
    """Return the header of a file.

    Args:
        kind: kind of file.
        order: order of the n-grams.
        pieces: vocabulary.
        own: numbers specific to the kind.
        body: everything after the header.
    """
    checksum = zlib.crc32(body)
    head = kind.magic, kind.version, order, len(pieces), *own, checksum, digest(pieces)
    return kind.header.pack(*head)
