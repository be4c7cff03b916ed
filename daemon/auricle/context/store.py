"""Kept names on disk: one file a source, each replaced as a whole, readable by the daemon alone.

In: shelves, and a folder below the state directory. Out: the same shelves after a restart, also
after a power cut: a file is the old one or the new one, never a part. A damaged file is set aside.
"""

from __future__ import annotations

import contextlib
import json
import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from auricle.config.mistakes import shown
from auricle.context.book import Shelf, Source
from auricle.context.names import read_entries
from auricle.durable import replace_file, sync_folder
from auricle.errors import ArgumentError, AuricleError, StorageError

FORMAT = 1
LONGEST_SOURCE = 100
SOURCE = re.compile(rf"[A-Za-z0-9][A-Za-z0-9.-]{{0,{LONGEST_SOURCE - 1}}}")
FILE = re.compile(rf"(\d{{1,10}})-({SOURCE.pattern})\.json")
# What reading a file raises that is not JSON, or is JSON of another form, or holds no names.
UNREADABLE = (ValueError, TypeError, LookupError, AttributeError, RecursionError, AuricleError)
MOST_FILE_BYTES = 64 * 1024 * 1024  # more than the limits of the book can fill


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

    def load(self) -> tuple[dict[Source, Shelf], list[Damage]]:
        """Return what is kept, and what is damaged, which is set aside under another name."""
        kept: dict[Source, Shelf] = {}
        damaged: list[Damage] = []
        for file, source in self._files():
            try:
                kept[source] = _read(file)
            except OSError as error:
                damaged.append(
                    Damage(file, f"{file} cannot be read ({error.strerror}); mend its permissions")
                )
            except UNREADABLE:
                damaged.append(_set_aside(file))
        return kept, damaged

    def save(self, source: Source, shelf: Shelf) -> None:
        """Keep `shelf` in place of what was kept of `source`; it is on the disk on return.

        Raises StorageError; what was kept before then stays.
        """
        file = self._folder / f"{source.user}-{source.name}.json"
        try:
            if not shelf.kinds:
                self._remove(file)
                return
            self._folder.mkdir(mode=0o700, parents=True, exist_ok=True)
            replace_file(file, _as_json(shelf))
        except OSError as error:
            raise StorageError(
                f"{file}: cannot keep the names ({error.strerror}); make room on the disk, or let "
                "Auricle write there"
            ) from error

    def erase(self) -> None:
        """Remove all that was ever kept, what was set aside as damaged too; raises StorageError."""
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


def _as_json(shelf: Shelf) -> bytes:
    kinds = {
        kind: [[entry.written, entry.spoken, entry.weight, entry.id] for entry in entries.values()]
        for kind, entries in shelf.kinds.items()
    }
    return json.dumps({"format": FORMAT, "kinds": kinds}, ensure_ascii=False).encode()


def _read(file: Path) -> Shelf:
    """Return the shelf in a file; raises OSError, or another error if it is damaged."""
    with file.open("rb") as stream:
        data = stream.read(MOST_FILE_BYTES + 1)
    if len(data) > MOST_FILE_BYTES:
        raise ValueError
    content: Any = json.loads(data)
    if content["format"] != FORMAT:
        raise ValueError
    shelf = Shelf()
    for kind, given in content["kinds"].items():
        shelf = shelf.with_only(kind, read_entries(kind, given))
    return shelf


def _set_aside(file: Path) -> Damage:
    aside = file.with_name(f"{file.name}.damaged")
    try:
        file.replace(aside)
    except OSError as error:
        return Damage(file, f"{file} is damaged, and cannot be set aside ({error.strerror})")
    return Damage(
        file, f"{file} is damaged and is now {aside.name}; let the client give its names again"
    )
