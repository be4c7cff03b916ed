"""The mode: whether anything may leave the device, kept over restarts.

In: what the owner sets in the configuration, and what is switched while the daemon runs. Out: the
last word of the owner: a switch holds until the configuration says something else than it did
then, and after that the stricter of the two. The state file is for the daemon alone; one that
cannot be read counts as `local`.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path

from auricle.atomic_file import replace_file
from auricle.errors import StorageError


class PrivacyMode(StrEnum):
    """What may leave the device."""

    LOCAL = "local"  # nothing
    LATTICE = "lattice"  # the words that may have been said, never a sound


@dataclass(frozen=True, slots=True)
class Switch:
    """What was switched to last."""

    mode: PrivacyMode
    configured: PrivacyMode  # what the configuration said then


def effective(configured: PrivacyMode, switch: Switch | None) -> PrivacyMode:
    """Return the mode that holds."""
    if switch is None:
        return configured
    if switch.configured is configured:
        return switch.mode
    return (
        PrivacyMode.LOCAL if PrivacyMode.LOCAL in (configured, switch.mode) else PrivacyMode.LATTICE
    )


class ModeFile:
    """Keeps the last switch. Its methods wait for the disk: call them in a thread."""

    def __init__(self, file: Path) -> None:
        """`file` is made when the mode is switched for the first time."""
        self._file = file

    def load(self) -> Switch | None:
        """Return the last switch; None if there never was one."""
        try:
            mode, configured = map(PrivacyMode, self._file.read_text(encoding="ascii").split())
        except FileNotFoundError:
            return None
        except (OSError, ValueError):  # whatever stood there: nothing leaves
            return Switch(PrivacyMode.LOCAL, PrivacyMode.LATTICE)
        return Switch(mode, configured)

    def save(self, switch: Switch) -> None:
        """Keep the switch; it is on the disk on return. Raises StorageError."""
        try:
            self._file.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
            replace_file(self._file, f"{switch.mode} {switch.configured}\n".encode("ascii"))
        except OSError as error:
            raise StorageError(
                f"{self._file}: cannot keep the mode {switch.mode} ({error.strerror}); make room "
                "on the disk, or let Auricle write there"
            ) from error
