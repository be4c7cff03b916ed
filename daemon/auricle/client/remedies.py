"""Sentences for a user whose program cannot call the daemon: why, and what to do.

The remedy depends on the bus and on the systemd units that are installed on this machine.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

SYSTEM_UNITS = tuple(Path(f"{root}/systemd/system") for root in ("/etc", "/usr/lib", "/lib"))
USER_UNITS = tuple(Path(f"{root}/systemd/user") for root in ("/etc", "/usr/lib"))
UNIT = "auricle.service"
NOT_A_MEMBER = "You are not in the group auricle: sudo adduser $USER auricle, then log in again."


def not_running(
    bus: str,
    system_units: Sequence[Path] = SYSTEM_UNITS,
    user_units: Sequence[Path] = USER_UNITS,
) -> str:
    """Return the sentence for a bus without a daemon.

    Args:
        bus: "session", "system" or a D-Bus address.
        system_units: folders with the units of system services.
        user_units: folders with the units of user services.
    """
    by_hand = "`auricle run --bus session`"
    match bus:
        case "system" if _installed(system_units):
            return "Auricle is not running; start it with `sudo systemctl start auricle`"
        case "system":
            return (
                "Auricle is not running on the system bus, and its system service is not "
                f"installed; start it with {by_hand}, and call it with --bus session"
            )
        case "session" if _installed(user_units):
            service = "`systemctl --user start auricle`"
            return f"Auricle is not running on this session bus; start it with {service}"
        case "session":
            return f"Auricle is not running on this session bus; start it with {by_hand}"
        case _:
            return f"Auricle is not running on this bus; start it with `auricle run --bus {bus}`"


def access_denied(bus: str, refusal: str) -> str:
    """Return the sentence for a call that the policy of the bus refuses.

    Args:
        bus: "session", "system" or a D-Bus address.
        refusal: the text of the bus daemon.
    """
    if bus == "system":
        return NOT_A_MEMBER
    return f"the policy of the bus does not let this user call Auricle: {refusal}"


def _installed(folders: Sequence[Path]) -> bool:
    return any((folder / UNIT).exists() for folder in folders)
