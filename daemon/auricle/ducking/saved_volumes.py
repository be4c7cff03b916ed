"""The file of saved volumes, from which ducking is undone after a crash, a kill or a power cut.

The file exists before anything is ducked, and is deleted when everything is restored. Once `write`
has returned, a kill at any moment leaves the file intact; `sync` protects against a power cut. Both
methods block on the disk.
"""

from __future__ import annotations

import contextlib
import json
import os
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from auricle.atomic_file import open_private, sync_folder
from auricle.damaged_files import set_aside
from auricle.ducking.backend import StreamKey, Volume
from auricle.ducking.policy import Held
from auricle.errors import MalformedError, StorageError
from auricle.parsing.files import read_regular
from auricle.parsing.json_text import parse_json
from auricle.parsing.limits import Limits

FORMAT = 1
LIMITS = Limits(bytes=1024 * 1024, nodes=100_000)
MOST_LEVEL = 1e6  # more than any level in the unit of a back end


class SavedVolumes:
    """The file of saved volumes."""

    def __init__(self, file: Path) -> None:
        """Set the path; neither the file nor its folder needs to exist."""
        self._file = file

    def read(self) -> list[Held]:
        """Return what was ducked when the last daemon ended; an empty list after a clean exit.

        Raises:
            StorageError: the file cannot be read; or it is damaged, and has been set aside.
        """
        try:
            return _held_in(read_regular(self._file, LIMITS.bytes))
        except FileNotFoundError:
            return []
        except OSError as error:
            raise StorageError(
                f"{self._file} cannot be read ({error.strerror}); let Auricle read there"
            ) from error
        except (ValueError, TypeError, LookupError, AttributeError, MalformedError) as error:
            raise StorageError(
                f"{self._file} was damaged{self._set_aside()}: sounds that were ducked when "
                "Auricle ended stay quiet; turn them up by hand"
            ) from error

    def _set_aside(self) -> str:
        """Rename the file; return what to tell about that."""
        try:
            return f" and is now {set_aside(self._file).name}"
        except OSError as error:
            return f" and cannot be renamed ({error.strerror})"

    def write(self, held: Iterable[Held]) -> None:
        """Replace the content of the file; delete the file if `held` is empty.

        Raises:
            StorageError: the file cannot be written.
        """
        entries = [_as_data(one) for one in held]
        new = self._file.with_name(f".{self._file.name}.new")
        try:
            if not entries:
                self._file.unlink(missing_ok=True)
                return
            self._file.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
            with open(new, "wb", opener=open_private) as stream:
                stream.write(json.dumps({"format": FORMAT, "held": entries}).encode())
            new.replace(self._file)
        except OSError as error:
            with contextlib.suppress(OSError):
                new.unlink()
            raise StorageError(
                f"{self._file}: cannot save the volumes ({error.strerror}); make room on the disk, "
                "or let Auricle write there"
            ) from error

    def sync(self) -> None:
        """Flush the file to the disk; errors are ignored."""
        with contextlib.suppress(OSError):
            descriptor = os.open(self._file, os.O_RDONLY)
            try:
                os.fsync(descriptor)
            finally:
                os.close(descriptor)
            sync_folder(self._file.parent)


def _as_data(held: Held) -> dict[str, object]:
    return {
        "backend": held.key.backend,
        "id": held.key.id,
        "before": [list(held.before.levels), held.before.silent],
        "after": [list(held.after.levels), held.after.silent],
        "grain": held.grain,
        "memory": held.memory,
    }


def _held_in(data: bytes) -> list[Held]:
    """Return the entries of a file; raises ValueError, TypeError, LookupError or MalformedError."""
    content: Any = parse_json(data, LIMITS)
    if content["format"] != FORMAT:
        raise ValueError
    return [
        Held(
            StreamKey(_text(entry["backend"]), _text(entry["id"])),
            _setting(entry["before"]),
            _setting(entry["after"]),
            _level(entry["grain"]),
            _text(entry["memory"]),
        )
        for entry in content["held"]
    ]


def _setting(data: Any) -> Volume:
    levels, silent = data
    if not isinstance(levels, list) or not isinstance(silent, bool):
        raise TypeError
    return Volume(tuple(map(_level, levels)), silent)


def _level(value: Any) -> float:
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise TypeError
    if abs(value) > MOST_LEVEL:
        raise ValueError
    return float(value)


def _text(value: Any) -> str:
    if not isinstance(value, str):
        raise TypeError
    return value
