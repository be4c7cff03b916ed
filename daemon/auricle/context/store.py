"""Kept names on disk: one file a source, readable by the daemon alone.

In: shelves, and a folder below the state directory. Out: the same shelves after a restart, also
after a power cut: what `save` has returned from is there, and nothing in parts. What is added is
appended (`append_log.py`); for anything else, and now and then, a file is replaced as a whole. A
damaged end of a file is cut off; a file that is damaged from its beginning is set aside.
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
from auricle.context.entry_sets import Shelf, Source
from auricle.errors import ArgumentError, AuricleError, StorageError

LONGEST_SOURCE = 100
SOURCE = re.compile(rf"[A-Za-z0-9][A-Za-z0-9.-]{{0,{LONGEST_SOURCE - 1}}}")
FILE = re.compile(rf"(\d{{1,10}})-({SOURCE.pattern})\.json")
# What reading a file raises that is not JSON, or is JSON of another form, or holds no names.
UNREADABLE = (ValueError, TypeError, LookupError, AttributeError, RecursionError, AuricleError)
MOST_FILE_BYTES = 64 * 1024 * 1024  # more than the limits of the book can fill
ROOM = 64 * 1024  # bytes of additions that any file may hold


@dataclass(frozen=True, slots=True)
class Damage:
    """A file that could not be read; told without any name in it."""

    file: Path
    told: str


def source_of(user: int, name: str) -> Source:
    """Return the source that a user's program names; raises ArgumentError if it may not be one."""
    if not SOURCE.fullmatch(name):
        raise ArgumentError(
            f"option 'source' is {shown(name)!r}; give 1 to {LONGEST_SOURCE} letters, digits, dots "
            "and dashes, such as org.gnome.Contacts"
        )
    return Source(user, name)


class Store:
    """A folder of kept shelves. Its methods wait for the disk: call them in a thread."""

    def __init__(self, folder: Path) -> None:
        """`folder` is made when something is kept for the first time."""
        self._folder = folder
        self._kept: dict[Source, Kept] = {}  # as this process knows the files

    def load(self) -> tuple[dict[Source, Shelf], list[Damage]]:
        """Return what is kept, and what is damaged, which is set aside under another name."""
        self._kept = {}
        damaged: list[Damage] = []
        for file, source in self._files():
            try:
                self._kept[source], size = _read(file)
            except OSError as error:
                damaged.append(
                    Damage(file, f"{file} cannot be read ({error.strerror}); mend its permissions")
                )
            except UNREADABLE:
                damaged.append(_set_aside(file))
            else:
                if size > self._kept[source].length:
                    damaged.append(_cut(file, self._kept[source].length))
        return {source: kept.shelf for source, kept in self._kept.items()}, damaged

    def save(self, source: Source, shelf: Shelf) -> None:
        """Keep `shelf` in place of what was kept of `source`; it is on the disk on return.

        Raises StorageError; what was kept before then stays.
        """
        file = self._folder / f"{source.user}-{source.name}.json"
        try:
            if not shelf.kinds:
                self._remove(file)
                self._kept.pop(source, None)
            else:
                self._kept[source] = self._write(file, shelf, self._kept.get(source))
        except OSError as error:
            raise StorageError(
                f"{file}: cannot keep the names ({error.strerror}); make room on the disk, or let "
                "Auricle write there"
            ) from error

    def _write(self, file: Path, shelf: Shelf, before: Kept | None) -> Kept:
        """Bring a file up to a shelf, by what has changed if that is less; raises OSError."""
        if before is not None and _size(file) == before.length:
            more = append_log.addition(before.shelf, shelf)
            if more is not None and before.can_take(len(more), ROOM):
                append_to_file(file, more, before.length)
                return Kept(shelf, before.whole, before.length + len(more))
        data = append_log.whole(shelf)
        self._folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        replace_file(file, data)
        return Kept(shelf, len(data), len(data))

    def erase(self) -> None:
        """Remove all that was ever kept, what was set aside as damaged too; raises StorageError."""
        self._kept = {}
        try:
            for file in self._folder.iterdir():
                file.unlink()
            sync_folder(self._folder)
        except FileNotFoundError:  # nothing was ever kept
            return
        except OSError as error:
            raise StorageError(
                f"{self._folder}: cannot erase the names ({error.strerror}); let Auricle write "
                "there, and erase them again"
            ) from error

    def _files(self) -> Iterator[tuple[Path, Source]]:
        try:
            files = sorted(self._folder.iterdir())
        except FileNotFoundError:  # nothing was ever kept
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
    """Return how many bytes a file has; -1 if it is not there."""
    try:
        return file.stat().st_size
    except FileNotFoundError:
        return -1


def _read(file: Path) -> tuple[Kept, int]:
    """Return what is in a file, and its size; raises OSError, or another error if it is damaged."""
    with file.open("rb") as stream:
        data = stream.read(MOST_FILE_BYTES + 1)
    if len(data) > MOST_FILE_BYTES:
        raise ValueError
    return append_log.read(data), len(data)


def _cut(file: Path, length: int) -> Damage:
    """Leave out the end of a file: what is appended after it could not be read again."""
    told = f"the end of {file} is damaged and left out; what a client gave last may be missing"
    with contextlib.suppress(OSError):  # then the next change replaces the file
        cut_file(file, length)
    return Damage(file, told)


def _set_aside(file: Path) -> Damage:
    aside = file.with_name(f"{file.name}.damaged")
    try:
        file.replace(aside)
    except OSError as error:
        return Damage(file, f"{file} is damaged, and cannot be set aside ({error.strerror})")
    return Damage(
        file, f"{file} is damaged and is now {aside.name}; let the client give its names again"
    )
