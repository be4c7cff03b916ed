"""The record of what is ducked, from which it is undone after a crash, a kill or a power cut.

It is in its place before anything is ducked, and gone when all is undone. A kill at any moment
leaves it whole as soon as `write` is over; `sync` is for a power cut. Both wait for the disk.
"""

from __future__ import annotations

import contextlib
import json
import os
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from auricle.atomic_file import open_private, sync_folder
from auricle.ducking.backend import StreamKey, Volume
from auricle.ducking.policy import Held
from auricle.errors import StorageError

FORMAT = 1
MOST_BYTES = 1024 * 1024


class SavedVolumes:
    """One file."""

    def __init__(self, file: Path) -> None:
        """`file` need not exist, nor its folder."""
        self._file = file

    def read(self) -> list[Held]:
        """Return what was ducked when the last daemon ended; nothing if that ended well.

        Raises:
            StorageError: the file cannot be read, or is damaged, and is out of the way now.
        """
        try:
            with self._file.open("rb") as stream:
                return _held_in(stream.read(MOST_BYTES + 1))
        except FileNotFoundError:
            return []
        except OSError as error:
            raise StorageError(
                f"{self._file} cannot be read ({error.strerror}); let Auricle read there"
            ) from error
        except (ValueError, TypeError, KeyError, AttributeError) as error:
            with contextlib.suppress(OSError):
                self._file.unlink()
            raise StorageError(
                f"{self._file} was damaged: what was ducked when Auricle ended stays so; turn it "
                "up by hand"
            ) from error

    def write(self, held: Iterable[Held]) -> None:
        """Put all that is ducked in the place of what was written before; nothing: no file.

        Raises:
            StorageError: it cannot be written.
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
                f"{self._file}: cannot keep what is ducked ({error.strerror}); make room on the "
                "disk, or let Auricle write there"
            ) from error

    def sync(self) -> None:
        """Let what was written be on the disk; a disk that cannot is not told of."""
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
    if len(data) > MOST_BYTES:
        raise ValueError
    content: Any = json.loads(data)
    if content["format"] != FORMAT:
        raise ValueError
    return [
        Held(
            StreamKey(str(entry["backend"]), str(entry["id"])),
            _setting(entry["before"]),
            _setting(entry["after"]),
            float(entry["grain"]),
            str(entry["memory"]),
        )
        for entry in content["held"]
    ]


def _setting(data: Any) -> Volume:
    levels, silent = data
    return Volume(tuple(float(level) for level in levels), bool(silent))
