"""The audit log of everything that leaves the device: one JSON line per message, hash-chained.

A line is on the disk before its message is sent. Each line holds the hash of the line before, so
that a changed, removed or inserted line breaks the chain. Only numbers and hashes are checked; a
wrong clock does no harm. Lines removed from the end are detected only while the daemon runs.
"""

from __future__ import annotations

import contextlib
import errno
import hashlib
import json
import os
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from auricle.atomic_file import open_private, sync_folder
from auricle.errors import MalformedError, StorageError
from auricle.parsing.files import read_regular
from auricle.parsing.json_text import parse_json

MOST_BYTES = 1024 * 1024  # per file
MOST_FILE_BYTES = 16 * 1024 * 1024  # a longer file was not written by this daemon
MOST_FILES = 5  # older files are deleted
FIRST = "0" * 64  # previous hash of the first line
NAME = "record.jsonl"


@dataclass(frozen=True, slots=True)
class AuditLogContents:
    """All lines of the audit log."""

    lines: tuple[str, ...]  # JSON, oldest first
    fault: str = ""  # where the chain is broken; empty if it is intact


@dataclass(frozen=True, slots=True)
class _End:
    """Number and hash of the last line."""

    number: int = 0
    hash: str = FIRST


class AuditLog:
    """A folder of log files. All methods block on the disk; call them in one worker thread."""

    def __init__(self, folder: Path, most_bytes: int = MOST_BYTES) -> None:
        """The folder is created with the first line."""
        self._folder = folder
        self._most_bytes = most_bytes
        self._end: _End | None = None  # None: not read yet

    def add(self, host: str, data: bytes, *, keep: bool) -> None:
        """Log that `data` is sent to `host`; the line is on the disk on return.

        Args:
            host: the host of the reranker.
            data: the encoded question.
            keep: whether to log the question too.

        Raises:
            StorageError: the line cannot be written; then the data must not be sent.
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
                f"{self._folder / NAME}: cannot write the audit log ({error.strerror}), so the "
                "lattice is not sent; free disk space, or let Auricle write there"
            ) from error
        self._end = _End(end.number + 1, _hash(line))

    def read(self) -> AuditLogContents:
        """Return all lines and check the chain; raises StorageError."""
        try:
            lines = [line for file in self._files() for line in _content(file).splitlines(True)]
        except OSError as error:
            raise StorageError(
                f"{self._folder}: cannot read the audit log ({error.strerror}); let Auricle read it"
            ) from error
        texts = tuple(line.decode(errors="backslashreplace").rstrip("\n") for line in lines)
        fault = _find_fault(lines)
        if not fault and self._end is not None and _end_of(lines) != self._end:
            fault = f"lines after number {_end_of(lines).number} were removed"
        return AuditLogContents(texts, fault)

    def erase(self) -> None:
        """Delete all lines; numbering starts again. Raises StorageError."""
        try:
            for file in self._files():
                file.unlink()
            if self._folder.is_dir():
                sync_folder(self._folder)
        except OSError as error:
            raise StorageError(
                f"{self._folder}: cannot erase the audit log ({error.strerror}); let Auricle "
                "write there"
            ) from error
        self._end = _End()

    def _files(self) -> list[Path]:
        """Return the existing files, oldest first."""
        numbered = [self._folder / f"{NAME}.{n}" for n in range(MOST_FILES - 1, 0, -1)]
        return [file for file in (*numbered, self._folder / NAME) if file.exists()]

    def _rotate(self, more: int) -> None:
        """Start a new file if `more` bytes would make the current one too long."""
        current = self._folder / NAME
        if not current.exists() or current.stat().st_size + more <= self._most_bytes:
            return
        for n in range(MOST_FILES - 1, 0, -1):
            older = self._folder / (f"{NAME}.{n - 1}" if n > 1 else NAME)
            with contextlib.suppress(FileNotFoundError):
                older.replace(self._folder / f"{NAME}.{n}")
        sync_folder(self._folder)

    def _find_end(self) -> _End:
        """Return the last line; a partial line after a power cut is ended and counts as damaged."""
        files = self._files()
        if not files:
            return _End()
        data = _content(files[-1])
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
        content["lattice"] = parse_json(data)
    return json.dumps(content, separators=(",", ":")).encode() + b"\n"


def _content(file: Path) -> bytes:
    """Return the content of a log file; raises OSError, also for a device or an oversized file."""
    try:
        return read_regular(file, MOST_FILE_BYTES)
    except MalformedError as error:
        raise OSError(errno.EINVAL, error.remedy, os.fspath(file)) from error


def _append(file: Path, line: bytes) -> None:
    """Append a line to a file completely or not at all."""
    new = not file.exists()
    with open(file, "ab", buffering=0, opener=open_private) as stream:
        size = os.fstat(stream.fileno()).st_size
        try:
            written = stream.write(line)
            if written != len(line):
                # The disk is full after a part of the line.
                raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC), os.fspath(file))
            os.fsync(stream.fileno())
        except OSError:
            os.ftruncate(stream.fileno(), size)
            raise
    if new:
        sync_folder(file.parent)


def _find_fault(lines: list[bytes]) -> str:
    """Return where the chain is broken; empty if it is intact."""
    before: _End | None = None
    for place, (line, number, previous) in enumerate(_parsed(lines), start=1):
        if number is None:
            return f"line {place} is damaged"
        if before is None:
            # Rotation deletes the oldest lines, so that the first line may have any number.
            if (number == 1) != (previous == FIRST):
                return f"line {place} was changed"
        elif number != before.number + 1:
            return f"line {place} has number {number}, where {before.number + 1} must follow"
        elif previous != before.hash:
            return f"line {place - 1} was changed or not written by this daemon"
        before = _End(number, _hash(line))
    return ""


def _parsed(lines: list[bytes]) -> Iterator[tuple[bytes, int | None, object]]:
    for line in lines:
        try:
            content = parse_json(line)
            number, previous = content["number"], content["previous"]
        except (TypeError, LookupError, MalformedError):
            yield line, None, None
        else:
            yield line, number if type(number) is int else None, previous


def _end_of(lines: list[bytes]) -> _End:
    """Return the number of the last valid line and the hash of the last line."""
    if not lines:
        return _End()
    numbers = [number for _, number, _ in _parsed(lines) if number is not None]
    return _End(numbers[-1] if numbers else 0, _hash(lines[-1]))


def _hash(line: bytes) -> str:
    return hashlib.sha256(line).hexdigest()
