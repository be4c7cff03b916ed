"""Answers org.freedesktop.DBus.Peer: whether this program lives, and on which machine.

See the D-Bus specification, "Standard Interfaces". dbus-next asks the D-Bus daemon for the machine
id, which the policy of a system bus forbids.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from pathlib import Path

from dbus_next.constants import ErrorType

from auricle.dbus.errors import CallError

PEER_INTERFACE = "org.freedesktop.DBus.Peer"
# Method -> D-Bus type of its reply; no method takes arguments.
PEER_METHODS = {"Ping": "", "GetMachineId": "s"}
MACHINE_ID_FILES = (Path("/etc/machine-id"), Path("/var/lib/dbus/machine-id"))


def answer_peer(member: str) -> list[object]:
    """Return the reply body of a method of PEER_METHODS.

    Raises:
        CallError: this machine has no id.
    """
    return [read_machine_id()] if member == "GetMachineId" else []


def read_machine_id(files: Sequence[Path] = MACHINE_ID_FILES) -> str:
    """Return the id of this machine, 32 hexadecimal digits; see machine-id(5).

    Raises:
        CallError: no file has one.
    """
    for file in files:
        try:
            text = file.read_text("ascii").strip()
        except (OSError, ValueError):
            continue
        if re.fullmatch("[0-9a-f]{32}", text):
            return text
    raise CallError(
        ErrorType.FILE_NOT_FOUND,
        f"this machine has no id in {' or '.join(map(str, files))}; create one with "
        "`systemd-machine-id-setup` or `dbus-uuidgen --ensure`",
    )
