"""Atomic file writes: after a power cut a file has its old or its new content, never a mixture.

In: a path and bytes. Out: a file that only its owner can read, flushed to disk on return. An append
is not atomic: after a power cut part of it may be missing, and the reader must detect that. All
functions block until the disk is done: call them in a thread.
"""

from __future__ import annotations

import contextlib
import os
from pathlib import Path


def replace_file(file: Path, data: bytes) -> None:
    """Replace a file atomically."""
    new = file.with_name(f".{file.name}.new")  # may exist already, left by a power cut
    with contextlib.suppress(FileNotFoundError):
        new.unlink()
    try:
        with open(new, "xb", opener=open_private) as stream:
            stream.write(data)
            stream.flush()
            os.fsync(stream.fileno())
        new.replace(file)
    except BaseException:
        with contextlib.suppress(OSError):
            new.unlink()
        raise
    sync_folder(file.parent)


def append_to_file(file: Path, data: bytes, length: int) -> None:
    """Write after the first `length` bytes of a file; on failure truncate it to that length."""
    with file.open("r+b", buffering=0) as stream:
        try:
            stream.seek(length)
            rest = memoryview(data)
            while rest:
                rest = rest[stream.write(rest) :]
            os.fsync(stream.fileno())
        except BaseException:
            with contextlib.suppress(OSError):
                stream.truncate(length)
            raise


def cut_file(file: Path, length: int) -> None:
    """Truncate a file to its first `length` bytes."""
    with file.open("r+b") as stream:
        stream.truncate(length)
        os.fsync(stream.fileno())


def open_private(path: str, flags: int) -> int:
    """Opener for `open`: a file that it creates is readable only by its owner."""
    return os.open(path, flags, 0o600)


def sync_folder(folder: Path) -> None:
    """Flush the directory entries of a folder to disk."""
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
