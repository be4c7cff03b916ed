"""The privacy mode: whether anything may leave the device; it survives restarts.

The owner sets the mode in the configuration or switches it at run time. A switch is valid until the
configured mode changes; then the stricter of the two applies. With a locked mode, a switch can only
tighten the configured mode, and it ends when the configured mode changes. A state file that cannot
be read counts as `local`.
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
    LATTICE = "lattice"  # word lattices, never audio


@dataclass(frozen=True, slots=True)
class Switch:
    """The last switch at run time."""

    mode: PrivacyMode
    configured: PrivacyMode  # the configured mode at that time


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

    def load(self) -> Switch | None:
        """Return the last switch, or None if there was none."""
        try:
            mode, configured = map(PrivacyMode, self._file.read_text(encoding="ascii").split())
        except FileNotFoundError:
            return None
        except (OSError, ValueError):  # damaged: nothing may leave
            return Switch(PrivacyMode.LOCAL, PrivacyMode.LATTICE)
        return Switch(mode, configured)

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
