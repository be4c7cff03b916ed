"""Files that outlive a power cut: each is the old one or the new one, never a part.

In: a path and bytes. Out: a file that its owner alone can read, on the disk on return. What is
appended may be cut off within: whoever reads it must be able to tell. All of it waits for the disk:
call it in a thread.
"""

from __future__ import annotations

import contextlib
import os
from pathlib import Path


def replace_file(file: Path, data: bytes) -> None:
    """Write a file so that a power cut leaves the old one or the new one."""
    new = file.with_name(f".{file.name}.new")  # a name that is never read; one is left by a cut
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
    """Write behind the first `length` bytes of a file; if that fails, it is as long as before."""
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
    """Leave the first `length` bytes of a file."""
    with file.open("r+b") as stream:
        stream.truncate(length)
        os.fsync(stream.fileno())


def open_private(path: str, flags: int) -> int:
    """Open a file that, if it is made, its owner alone can read; for `open`."""
    return os.open(path, flags, 0o600)


def sync_folder(folder: Path) -> None:
    """Let the names in a folder be on the disk too."""
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
