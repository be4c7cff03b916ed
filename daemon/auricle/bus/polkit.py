"""Checks whether a caller owns the device and may loosen privacy, or read or erase its data.

Root and the daemon's own user are owners. On the system bus, polkit may also allow other users,
usually after asking for a password. While the privacy mode is locked, only polkit decides.
"""

from __future__ import annotations

import os

from dbus_next.message import Message
from dbus_next.signature import Variant

from auricle.dbus.connection import Connection
from auricle.errors import AuricleError, NotAuthorizedError
from auricle.user_names import user_name

POLKIT = "org.freedesktop.PolicyKit1"
POLKIT_PATH = "/org/freedesktop/PolicyKit1/Authority"
POLKIT_INTERFACE = f"{POLKIT}.Authority"
ALLOW_INTERACTION = 1  # polkit may ask the user for a password


class Ownership:
    """Checks the user of a caller, which the bus daemon knows from the kernel."""

    def __init__(self, connection: Connection, *, polkit: bool) -> None:
        """With `polkit`, ask polkit about users other than root and the daemon's own."""
        self._connection = connection
        self._polkit = polkit

    async def check(self, caller: str, action: str) -> None:
        """Return if the caller may perform `action`, such as org.auricle.privacy.loosen.

        Raises:
            NotAuthorizedError: the caller may not.
        """
        reply = await self._connection.ask_daemon("GetConnectionUnixUser", "s", caller)
        user = int(reply.body[0])
        if user in (0, os.getuid()):
            return
        if self._polkit and await self._polkit_allows(caller, action):
            return
        raise NotAuthorizedError(
            f"user {user_name(user)} does not own this device; call as root or as the user "
            "of the daemon"
        )

    async def check_locked(self, caller: str, action: str) -> None:
        """Return if polkit allows the caller an action that is locked also for the owners.

        Raises:
            NotAuthorizedError: polkit does not allow it, or the bus has no polkit.
        """
        if not (self._polkit and await self._polkit_allows(caller, action)):
            raise NotAuthorizedError(
                "privacy.lock is true, so only the configuration, or a caller on the system bus "
                "whom polkit allows, can set the mode lattice; set privacy.mode: lattice in the "
                "configuration and reload Auricle"
            )

    async def _polkit_allows(self, caller: str, action: str) -> bool:
        """Ask polkit; without an answer the action is denied."""
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
