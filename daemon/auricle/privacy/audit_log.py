"""The record of what left: one line of JSON a message, each with the hash of the line before.

In: what is about to leave. Out: a line on the disk before it does, and for the owner all lines,
with the place where the chain is broken. A line that was changed, left out or put in breaks it;
the numbers and hashes alone count, so that a clock that jumps does no harm. What was cut off at
the end shows as long as the daemon runs, not after: no chain can tell that on its own machine.
"""

from __future__ import annotations

import contextlib
import hashlib
import json
import os
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from auricle.atomic_file import open_private, sync_folder
from auricle.errors import StorageError

MOST_BYTES = 1024 * 1024  # of a file; then the next one begins
MOST_FILES = 5  # older ones go
FIRST = "0" * 64  # what stands in the first line for the hash of the line before
NAME = "record.jsonl"


@dataclass(frozen=True, slots=True)
class Told:
    """The record as the owner reads it."""

    lines: tuple[str, ...]  # JSON, oldest first
    fault: str = ""  # where the chain is broken; empty if it is whole


@dataclass(frozen=True, slots=True)
class _End:
    """The last line that was written."""

    number: int = 0
    hash: str = FIRST


class AuditLog:
    """A folder with the record. Its methods wait for the disk: call them in a thread of its own."""

    def __init__(self, folder: Path, most_bytes: int = MOST_BYTES) -> None:
        """`folder` is made when the first message leaves."""
        self._folder = folder
        self._most_bytes = most_bytes
        self._end: _End | None = None  # None: not known yet

    def add(self, host: str, data: bytes, *, keep: bool) -> None:
        """Write that `data` leaves for `host`; with `keep`, also what it says.

        It is on the disk on return. Raises StorageError; then it must not leave.
        """
        try:
            if self._end is None:
                self._end = self._find_end()
            end = self._end
            line = _line(end, host, data, keep=keep)
            self._folder.mkdir(mode=0o700, parents=True, exist_ok=True)
            self._rotate(len(line))
            _append(self._folder / NAME, line)
        except OSError as error:
            raise StorageError(
                f"{self._folder / NAME}: cannot record what is to leave ({error.strerror}), so it "
                "does not leave; make room on the disk, or let Auricle write there"
            ) from error
        self._end = _End(end.number + 1, _hash(line))

    def read(self) -> Told:
        """Return all lines, and where the chain is broken. Raises StorageError."""
        try:
            lines = [line for file in self._files() for line in file.read_bytes().splitlines(True)]
        except OSError as error:
            raise StorageError(
                f"{self._folder}: cannot read the record ({error.strerror}); let Auricle read there"
            ) from error
        texts = tuple(line.decode(errors="backslashreplace").rstrip("\n") for line in lines)
        fault = _find_fault(lines)
        if not fault and self._end is not None and _end_of(lines) != self._end:
            fault = f"lines after number {_end_of(lines).number} were taken away"
        return Told(texts, fault)

    def erase(self) -> None:
        """Remove all lines; the next one is the first again. Raises StorageError."""
        try:
            for file in self._files():
                file.unlink()
            if self._folder.is_dir():
                sync_folder(self._folder)
        except OSError as error:
            raise StorageError(
                f"{self._folder}: cannot erase the record ({error.strerror}); let Auricle write "
                "there"
            ) from error
        self._end = _End()

    def _files(self) -> list[Path]:
        """Return the files that there are, oldest first."""
        numbered = [self._folder / f"{NAME}.{n}" for n in range(MOST_FILES - 1, 0, -1)]
        return [file for file in (*numbered, self._folder / NAME) if file.exists()]

    def _rotate(self, more: int) -> None:
        """Begin a new file if the one in use would become too long."""
        current = self._folder / NAME
        if not current.exists() or current.stat().st_size + more <= self._most_bytes:
            return
        for n in range(MOST_FILES - 1, 0, -1):
            older = self._folder / (f"{NAME}.{n - 1}" if n > 1 else NAME)
            with contextlib.suppress(FileNotFoundError):
                older.replace(self._folder / f"{NAME}.{n}")
        sync_folder(self._folder)

    def _find_end(self) -> _End:
        """Return the last line; one that a power cut has left half is ended, and so is broken."""
        files = self._files()
        if not files:
            return _End()
        data = files[-1].read_bytes()
        if data and not data.endswith(b"\n"):
            _append(files[-1], b"\n")
            data += b"\n"
        return _end_of(data.splitlines(True))


def _line(end: _End, host: str, data: bytes, *, keep: bool) -> bytes:
    content: dict[str, Any] = {
        "number": end.number + 1,
        "time": datetime.now(UTC).isoformat(timespec="milliseconds"),
        "host": host,
        "bytes": len(data),
        "sha256": hashlib.sha256(data).hexdigest(),
        "previous": end.hash,
    }
    if keep:
        content["lattice"] = json.loads(data)
    return json.dumps(content, separators=(",", ":")).encode() + b"\n"


def _append(file: Path, line: bytes) -> None:
    """Write a line at the end of a file, whole or not at all."""
    new = not file.exists()
    with open(file, "ab", buffering=0, opener=open_private) as stream:
        size = os.fstat(stream.fileno()).st_size
        try:
            written = stream.write(line)
            if written != len(line):
                raise OSError(28, os.strerror(28), os.fspath(file))  # the disk took a part: full
            os.fsync(stream.fileno())
        except OSError:
            os.ftruncate(stream.fileno(), size)
            raise
    if new:
        sync_folder(file.parent)


def _find_fault(lines: list[bytes]) -> str:
    """Return where the chain is broken; empty if it is whole."""
    before: _End | None = None
    for place, (line, number, previous) in enumerate(_parsed(lines), start=1):
        if number is None:
            return f"line {place} is damaged"
        if before is None:
            # The oldest lines go with the oldest file; a first line must be one that begins.
            if (number == 1) != (previous == FIRST):
                return f"line {place} was changed"
        elif number != before.number + 1:
            return f"line {place} has number {number}, where {before.number + 1} must follow"
        elif previous != before.hash:
            return f"line {place - 1} was changed, or was not written by this daemon"
        before = _End(number, _hash(line))
    return ""


def _parsed(lines: list[bytes]) -> Iterator[tuple[bytes, int | None, object]]:
    for line in lines:
        try:
            content = json.loads(line)
            yield line, int(content["number"]), content["previous"]
        except (ValueError, TypeError, LookupError, RecursionError):
            yield line, None, None


def _end_of(lines: list[bytes]) -> _End:
    """Return the number of the last line that has one, and the hash of the last line."""
    if not lines:
        return _End()
    numbers = [number for _, number, _ in _parsed(lines) if number is not None]
    return _End(numbers[-1] if numbers else 0, _hash(lines[-1]))


def _hash(line: bytes) -> str:
    return hashlib.sha256(line).hexdigest()
