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
from auricle.ducking.backend import StreamKey, Volume
from auricle.ducking.policy import Held
from auricle.errors import StorageError

FORMAT = 1
MOST_BYTES = 1024 * 1024


class SavedVolumes:
    """The file of saved volumes."""

    def __init__(self, file: Path) -> None:
        """Set the path; neither the file nor its folder needs to exist."""
        self._file = file

    def read(self) -> list[Held]:
        """Return what was ducked when the last daemon ended; an empty list after a clean exit.

        Raises:
            StorageError: the file cannot be read; or it is damaged, and has been deleted.
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
                f"{self._file} was damaged: sounds that were ducked when Auricle ended stay quiet; "
                "turn them up by hand"
            ) from error

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
