"""What the files of the language models have in common: they are mapped, and begin with a header.

In: a path and the kind of file that it must be. Out: its content, checked, or an error that says
what is wrong with it. A header is a magic word, a version, the order of the n-grams, the size of
the vocabulary, what only one kind has, a checksum of all that follows, and the vocabulary's digest.
"""

from __future__ import annotations

import struct
import zlib
from collections.abc import Sequence
from dataclasses import dataclass
from hashlib import blake2b
from mmap import ACCESS_READ, mmap
from pathlib import Path

from auricle.errors import ModelError

LEVEL = struct.Struct("<Ifff")  # n-grams, step of log probabilities, least backoff, its step


@dataclass(frozen=True, slots=True)
class FileKind:
    """One kind of file."""

    name: str  # in errors
    magic: bytes
    version: int
    header: struct.Struct
    longest: int  # tokens or words of an n-gram at most


def digest(pieces: Sequence[str]) -> bytes:
    """Return what tells one vocabulary from another, 16 bytes."""
    return blake2b("\n".join(pieces).encode(), digest_size=16).digest()


def mapped(path: Path) -> mmap:
    """Return the content of a model's file, mapped; raise ModelError if it cannot be read."""
    try:
        with path.open("rb") as file:
            return mmap(file.fileno(), 0, access=ACCESS_READ)
    except (OSError, ValueError) as error:  # an empty file cannot be mapped
        raise ModelError(f"{path}: cannot be read ({error}): reinstall the bundle") from error


def check_header(
    path: Path, content: mmap, kind: FileKind, pieces: Sequence[str]
) -> tuple[int, tuple[int, ...]]:
    """Check the header of a language model's file, and its checksum.

    Args:
        path: file to read.
        content: what the file holds.
        kind: that it must be.
        pieces: the vocabulary that the model must be of.

    Returns:
        The order of its n-grams, and the numbers that only this kind has.

    Raises:
        ModelError: it is another file, damaged, too new, or of another vocabulary.
    """
    header = kind.header
    if len(content) < header.size or content[: len(kind.magic)] != kind.magic:
        raise ModelError(f"{path}: is no {kind.name}: reinstall the bundle")
    _, version, order, tokens, *own, checksum, vocabulary = header.unpack_from(content)
    if version != kind.version:
        raise ModelError(
            f"{path}: version {version} is not {kind.version}, which this Auricle reads: "
            "update Auricle, or install the bundle that came with it"
        )
    if vocabulary != digest(pieces) or tokens != len(pieces):
        raise ModelError(
            f"{path}: was made for another vocabulary, of {tokens} tokens: "
            "it and the token list must come from one bundle"
        )
    whole = 1 <= order <= kind.longest and len(content) >= header.size + order * LEVEL.size
    if not whole or zlib.crc32(memoryview(content)[header.size :]) != checksum:
        raise ModelError(f"{path}: is damaged: reinstall the bundle")
    return int(order), tuple(own)


def pack_header(
    kind: FileKind, order: int, pieces: Sequence[str], own: Sequence[int], body: bytes
) -> bytes:
    """Return the header of a file.

    Args:
        kind: which kind of file it is.
        order: words or tokens of the longest n-grams.
        pieces: the vocabulary.
        own: the numbers that only this kind has.
        body: all that follows the header.
    """
    checksum = zlib.crc32(body)
    head = kind.magic, kind.version, order, len(pieces), *own, checksum, digest(pieces)
    return kind.header.pack(*head)
