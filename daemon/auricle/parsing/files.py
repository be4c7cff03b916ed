"""Opens and reads files whose kind and size nobody has checked.

In: a path. Out: an open regular file, or its content. A device, pipe, socket or folder is refused
without blocking, and a file larger than expected without reading it.
"""

from __future__ import annotations

import errno
import os
import stat
from io import BufferedReader
from pathlib import Path

from auricle.errors import MalformedError
from auricle.parsing.limits import size_text


def open_regular(path: Path) -> BufferedReader:
    """Open a regular file for reading.

    Raises:
        OSError: it cannot be opened, or is a folder.
        MalformedError: it is not a regular file, or the path contains a NUL character.
    """
    if "\0" in str(path):
        raise MalformedError("has a name with a NUL character; remove it")
    descriptor = os.open(path, os.O_RDONLY | os.O_CLOEXEC | os.O_NONBLOCK | os.O_NOCTTY)
    kind = os.fstat(descriptor).st_mode
    if stat.S_ISREG(kind):
        return os.fdopen(descriptor, "rb")
    os.close(descriptor)
    if stat.S_ISDIR(kind):
        raise IsADirectoryError(errno.EISDIR, os.strerror(errno.EISDIR), str(path))
    raise MalformedError("is not a regular file; put a file in its place")


def read_regular(path: Path, most_bytes: int) -> bytes:
    """Return the content of a regular file.

    Raises:
        OSError: it cannot be read.
        MalformedError: it is not a regular file, or larger than `most_bytes`.
    """
    with open_regular(path) as file:
        data = b""
        if os.fstat(file.fileno()).st_size <= most_bytes:
            data = file.read(most_bytes + 1)
            if len(data) <= most_bytes:
                return data
    raise MalformedError(f"must not be larger than {size_text(most_bytes)}; shorten it")
