"""Checks files of a bundle against the SHA-256 in its manifest.

In: the folder, the name of a file, and its digest. Out: the content or nothing, or a ModelError.
Only regular files inside the folder count: a device never ends, and a link that leads out of the
folder can point to another file at any time.
"""

from __future__ import annotations

import hashlib
import os
from io import BufferedReader
from pathlib import Path

from auricle.errors import MalformedError, ModelError
from auricle.parsing.files import open_regular

LARGEST = 1024**3  # bytes of a file; a larger one is refused unread


def verify_file(folder: Path, name: str, digest: str) -> None:
    """Raise ModelError unless a file has the digest of the manifest."""
    with _open(folder, name) as file:
        try:
            actual = hashlib.file_digest(file, "sha256").hexdigest()
        except OSError as error:
            raise _unreadable(folder / name, error) from error
    _compare(folder / name, actual, digest)


def verified_content(folder: Path, name: str, digest: str, most_bytes: int) -> bytes:
    """Return the content of a file, which has the digest of the manifest.

    Raises:
        ModelError: it cannot be read, is larger than `most_bytes`, or has another digest.
    """
    with _open(folder, name) as file:
        try:
            content = file.read(most_bytes + 1)
        except OSError as error:
            raise _unreadable(folder / name, error) from error
    if len(content) > most_bytes:
        raise ModelError(
            f"{folder / name}: has more than {most_bytes} bytes; install the bundle again"
        )
    _compare(folder / name, hashlib.sha256(content).hexdigest(), digest)
    return content


def _open(folder: Path, name: str) -> BufferedReader:
    """Open a file of the bundle for reading."""
    path = folder / name
    inside = os.path.realpath(folder)
    if os.path.commonpath((inside, os.path.realpath(path))) != inside:
        raise ModelError(
            f"{path}: is a link that leads out of the bundle; put the file itself in its place, or "
            "install the bundle again"
        )
    try:
        file = open_regular(path)
    except MalformedError as error:
        raise ModelError(f"{path}: {error.remedy}, or install the bundle again") from error
    except OSError as error:
        raise _unreadable(path, error) from error
    if os.fstat(file.fileno()).st_size > LARGEST:
        file.close()
        raise ModelError(f"{path}: has more than {LARGEST} bytes; install the bundle again")
    return file


def _compare(path: Path, actual: str, expected: str) -> None:
    if actual != expected:
        raise ModelError(
            f"{path}: sha256 is {actual}, but the manifest says {expected}: the file is damaged "
            "or belongs to another bundle; install the bundle again"
        )


def _unreadable(path: Path, error: OSError) -> ModelError:
    return ModelError(f"{path}: cannot be read ({error.strerror}); install the bundle again")
