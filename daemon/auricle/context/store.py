"""Stores entries on disk: one file per source, readable only by the daemon.

In: entry sets, and a folder below the state directory. Out: the same entry sets after a restart,
also after a power cut: once `save` has returned, the entry set is complete on the disk. Additions
are appended (`append_log.py`); other changes, and from time to time also additions, replace the
whole file. If the end of a file is damaged, it is truncated there. If the start is damaged, the
file is renamed.
"""

from __future__ import annotations

import contextlib
import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from auricle.atomic_file import append_to_file, cut_file, replace_file, sync_folder
from auricle.config.mistakes import shown
from auricle.context import append_log
from auricle.context.append_log import Kept
from auricle.context.entry_sets import EntrySet, Source
from auricle.damaged_files import set_aside
from auricle.errors import ArgumentError, AuricleError, StorageError
from auricle.parsing.files import read_regular

LONGEST_SOURCE = 100
SOURCE = re.compile(rf"[A-Za-z0-9][A-Za-z0-9.-]{{0,{LONGEST_SOURCE - 1}}}")
FILE = re.compile(rf"(\d{{1,10}})-({SOURCE.pattern})\.json")
# Errors raised for a file that is not JSON, has another structure, or contains invalid names.
UNREADABLE = (ValueError, TypeError, LookupError, AttributeError, RecursionError, AuricleError)
ROOM = 64 * 1024  # bytes of additions that every file may contain


@dataclass(frozen=True, slots=True)
class Damage:
    """A file that could not be read; the text contains no names."""

    file: Path
    told: str


def source_of(user: int, name: str) -> Source:
    """Return the source with a name that a client chose.

    Raises:
        ArgumentError: the name is not valid.
    """
    if not SOURCE.fullmatch(name):
        raise ArgumentError(
            f"option 'source' is {shown(name)!r}; give 1 to {LONGEST_SOURCE} letters, digits, dots "
            "and dashes, such as org.gnome.Contacts"
        )
    return Source(user, name)


class Store:
    """A folder of stored entry sets. All methods block on the disk; call them in a thread."""

    def __init__(self, folder: Path) -> None:
        """Set the folder; the first `save` creates it."""
        self._folder = folder
        self._kept: dict[Source, Kept] = {}  # the content of the files

    def load(self) -> tuple[dict[Source, EntrySet], list[Damage]]:
        """Return the stored entry sets, and the damaged files, which are renamed or truncated.

        Raises:
            StorageError: the folder cannot be read.
        """
        self._kept = {}
        damaged: list[Damage] = []
        for file, source in self._files():
            try:
                self._kept[source], size = _read(file)
            except OSError as error:
                damaged.append(
                    Damage(file, f"{file} cannot be read ({error.strerror}); fix its permissions")
                )
            except UNREADABLE:
                damaged.append(_set_aside(file))
            else:
                if size > self._kept[source].length:
                    damaged.append(_cut(file, self._kept[source].length))
        return {source: kept.entry_set for source, kept in self._kept.items()}, damaged

    def save(self, source: Source, entry_set: EntrySet) -> None:
        """Replace the stored entry set of `source`; it is on the disk when this returns.

        Raises:
            StorageError: the file cannot be written; the previous entry set stays.
        """
        file = self._folder / f"{source.user}-{source.name}.json"
        try:
            if not entry_set.kinds:
                self._remove(file)
                self._kept.pop(source, None)
            else:
                self._kept[source] = self._write(file, entry_set, self._kept.get(source))
        except OSError as error:
            raise StorageError(
                f"{file}: cannot store the names ({error.strerror}); make room on the disk, or let "
                "Auricle write there"
            ) from error

    def _write(self, file: Path, entry_set: EntrySet, before: Kept | None) -> Kept:
        """Write an entry set, by appending if possible; raises OSError."""
        if before is not None and _size(file) == before.length:
            more = append_log.addition(before.entry_set, entry_set)
            if more is not None and before.can_take(len(more), ROOM):
                append_to_file(file, more, before.length)
                return Kept(entry_set, before.whole, before.length + len(more))
        data = append_log.whole(entry_set)
        self._folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        replace_file(file, data)
        return Kept(entry_set, len(data), len(data))

    def erase(self) -> None:
        """Delete all stored entries, including damaged files.

        Raises:
            StorageError: a file cannot be deleted.
        """
        self._kept = {}
        try:
            for file in self._folder.iterdir():
                file.unlink()
            sync_folder(self._folder)
        except FileNotFoundError:  # nothing was ever stored
            return
        except OSError as error:
            raise StorageError(
                f"{self._folder}: cannot erase the names ({error.strerror}); let Auricle write "
                "there, and erase them again"
            ) from error

    def _files(self) -> Iterator[tuple[Path, Source]]:
        try:
            files = sorted(self._folder.iterdir())
        except FileNotFoundError:  # nothing was ever stored
            return
        except OSError as error:
            raise StorageError(
                f"{self._folder} cannot be read ({error.strerror}); let Auricle read there"
            ) from error
        for file in files:
            found = FILE.fullmatch(file.name)
            if found is not None:
                yield file, Source(int(found[1]), found[2])

    def _remove(self, file: Path) -> None:
        with contextlib.suppress(FileNotFoundError):
            file.unlink()
            sync_folder(self._folder)


def _size(file: Path) -> int:
    """Return the size of a file in bytes; -1 if it does not exist."""
    try:
        return file.stat().st_size
    except FileNotFoundError:
        return -1


def _read(file: Path) -> tuple[Kept, int]:
    """Return the content of a file and its size.

    Raises:
        OSError: the file cannot be read.
        Exception: of the classes in UNREADABLE, if the file is damaged.
    """
    data = read_regular(file, append_log.LIMITS.bytes)
    return append_log.read(data), len(data)


def _cut(file: Path, length: int) -> Damage:
    """Truncate a file before its damaged end, because lines appended after it would be lost."""
    told = f"the end of {file} is damaged and was removed; the latest entries may be missing"
    with contextlib.suppress(OSError):  # in that case the next change replaces the file
        cut_file(file, length)
    return Damage(file, told)


def _set_aside(file: Path) -> Damage:
    try:
        aside = set_aside(file)
    except OSError as error:
        return Damage(file, f"{file} is damaged and cannot be renamed ({error.strerror})")
    return Damage(
        file,
        f"{file} is damaged and was renamed to {aside.name}; let the client send its names again",
    )
