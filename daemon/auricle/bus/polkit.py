"""Who may loosen privacy, and read or erase what is recorded: the owner of the device.

In: a caller on the bus. Out: nothing for root and for the user that the daemon runs as; on the
system bus also for whom polkit lets, after it has asked for a password. An error for all others.
"""

from __future__ import annotations

import os

from dbus_next.message import Message
from dbus_next.signature import Variant

from auricle.dbus.connection import Connection
from auricle.errors import AuricleError, NotAuthorizedError

POLKIT = "org.freedesktop.PolicyKit1"
POLKIT_PATH = "/org/freedesktop/PolicyKit1/Authority"
POLKIT_INTERFACE = f"{POLKIT}.Authority"
ALLOW_INTERACTION = 1  # polkit may ask the user for a password


class Ownership:
    """Decides by the user of the caller, as the bus daemon knows it from the kernel."""

    def __init__(self, connection: Connection, *, polkit: bool) -> None:
        """`polkit`: whether others than root and our own user are asked about there."""
        self._connection = connection
        self._polkit = polkit

    async def check(self, caller: str, action: str) -> None:
        """Return if the caller may do `action`, such as org.auricle.privacy.loosen.

        Raises:
            NotAuthorizedError: it may not.
        """
        reply = await self._connection.ask_daemon("GetConnectionUnixUser", "s", caller)
        user = int(reply.body[0])
        if user in (0, os.getuid()):
            return
        if self._polkit and await self._polkit_allows(caller, action):
            return
        raise NotAuthorizedError(
            f"user {user} does not own this device; do it as root, or as the user of the daemon"
        )

    async def _polkit_allows(self, caller: str, action: str) -> bool:
        """Ask polkit; if it does not answer, nobody is allowed anything."""
        subject = ["system-bus-name", {"name": Variant("s", caller)}]
        message = Message(
            destination=POLKIT,
            path=POLKIT_PATH,
            interface=POLKIT_INTERFACE,
            member="CheckAuthorization",
            signature="(sa{sv})sa{ss}us",
            body=[subject, action, {}, ALLOW_INTERACTION, ""],
        )
        try:
            reply = await self._connection.ask(message)
        except AuricleError:
            return False
        return reply.signature == "(bba{ss})" and reply.body[0][0] is True
