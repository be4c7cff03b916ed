"""The mode: whether anything may leave the device, kept over restarts.

In: what the owner sets in the configuration, and what is switched while the daemon runs. Out: the
stricter of the two. The state file is for the daemon alone; one that cannot be read counts as
`local`.
"""

from __future__ import annotations

from enum import StrEnum
from pathlib import Path

from auricle.durable import replace_file
from auricle.errors import StorageError


class Mode(StrEnum):
    """What may leave the device."""

    LOCAL = "local"  # nothing
    LATTICE = "lattice"  # the words that may have been said, never a sound


def stricter(first: Mode, second: Mode) -> Mode:
    """Return the mode in which less may leave."""
    return Mode.LOCAL if Mode.LOCAL in (first, second) else Mode.LATTICE


class ModeFile:
    """The mode that was switched to last. Its methods wait for the disk: call them in a thread."""

    def __init__(self, file: Path) -> None:
        """`file` is made when the mode is switched for the first time."""
        self._file = file

    def load(self) -> Mode | None:
        """Return the mode; None if it never was switched."""
        try:
            return Mode(self._file.read_text(encoding="ascii").strip())
        except FileNotFoundError:
            return None
        except (OSError, ValueError):  # whatever stood there: nothing leaves
            return Mode.LOCAL

    def save(self, mode: Mode) -> None:
        """Keep the mode; it is on the disk on return. Raises StorageError."""
        try:
            self._file.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
            replace_file(self._file, f"{mode}\n".encode("ascii"))
        except OSError as error:
            raise StorageError(
                f"{self._file}: cannot keep the mode {mode} ({error.strerror}); make room on the "
                "disk, or let Auricle write there"
            ) from error
