"""The privacy mode: whether anything may leave the device; it survives restarts.

The owner sets the mode in the configuration or switches it at run time. A switch is valid until the
configured mode changes; then the stricter of the two applies. With a locked mode, a switch can only
tighten the configured mode, and it ends when the configured mode changes. A state file that cannot
be read counts as `local`, also after it was set aside.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path

from auricle.atomic_file import replace_file
from auricle.damaged_files import make_room
from auricle.errors import MalformedError, StorageError
from auricle.parsing.files import read_regular


class PrivacyMode(StrEnum):
    """What may leave the device."""

    LOCAL = "local"  # nothing
    LATTICE = "lattice"  # word lattices, never audio


@dataclass(frozen=True, slots=True)
class Switch:
    """The last switch at run time."""

    mode: PrivacyMode
    configured: PrivacyMode  # the configured mode at that time


STRICTEST = Switch(PrivacyMode.LOCAL, PrivacyMode.LATTICE)  # `local` in every configuration
MOST_BYTES = 1024  # of the state file; it has two words


def effective(
    configured: PrivacyMode, switch: Switch | None, *, locked: bool = False
) -> PrivacyMode:
    """Return the active mode.

    Args:
        configured: the mode in the configuration.
        switch: the last switch at run time.
        locked: whether only the configuration may loosen the mode.
    """
    if switch is None or (locked and switch.configured is not configured):
        return configured
    if switch.configured is configured and not locked:
        return switch.mode
    return (
        PrivacyMode.LOCAL if PrivacyMode.LOCAL in (configured, switch.mode) else PrivacyMode.LATTICE
    )


class ModeFile:
    """Stores the last switch. All methods block on the disk; call them in a worker thread."""

    def __init__(self, file: Path) -> None:
        """The file is created with the first switch."""
        self._file = file

    def load(self) -> tuple[Switch | None, str]:
        """Return the last switch, or None if there was none; and what is wrong with the file.

        If the file is damaged, a copy is set aside and a switch to `local` takes its place.
        """
        try:
            data = read_regular(self._file, MOST_BYTES)
        except FileNotFoundError:
            return None, ""
        except OSError as error:
            fault = f"{self._file} cannot be read ({error.strerror}); let Auricle read it"
            return STRICTEST, f"{fault}. Until then the mode is local"
        except MalformedError as error:
            return STRICTEST, f"{self._file} {error.remedy}. Until then the mode is local"
        try:
            mode, configured = map(PrivacyMode, data.decode("ascii").split())
        except ValueError:
            return STRICTEST, self._replace(data)
        return Switch(mode, configured), ""

    def _replace(self, damaged: bytes) -> str:
        """Replace a damaged file by the strictest switch; return a sentence about it."""
        fault = f"{self._file} was damaged"
        try:
            aside = make_room(self._file)
            replace_file(aside, damaged)
            self.save(STRICTEST)
        except (OSError, StorageError):
            return f"{fault}; the mode is local until you set it again"
        return f"{fault} and is now {aside.name}; the mode is local until you set it again"

    def save(self, switch: Switch) -> None:
        """Store the switch; it is on the disk on return. Raises StorageError."""
        try:
            self._file.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
            replace_file(self._file, f"{switch.mode} {switch.configured}\n".encode("ascii"))
        except OSError as error:
            raise StorageError(
                f"{self._file}: cannot save the mode {switch.mode} ({error.strerror}); free "
                "disk space, or let Auricle write there"
            ) from error
