"""The interface org.auricle.Privacy1: the privacy mode and the audit log."""

from __future__ import annotations

from auricle.bus.clients import Clients
from auricle.bus.polkit import Ownership
from auricle.dbus.interface import Changes, Interface, Method, Property
from auricle.dbus.names import PRIVACY_INTERFACE
from auricle.dbus.sealed_memory import sealed_text
from auricle.errors import ArgumentError
from auricle.privacy.guard import Guard
from auricle.privacy.mode import PrivacyMode

PROPERTIES = ("Mode", "Locked", "Reranker")
LOOSEN = "org.auricle.privacy.loosen"
READ = "org.auricle.privacy.read-record"
ERASE = "org.auricle.privacy.erase"


class Privacy1:
    """Implements org.auricle.Privacy1."""

    def __init__(self, guard: Guard, clients: Clients, ownership: Ownership) -> None:
        """`clients` and `ownership` decide who may call it."""
        self._guard = guard
        self._clients = clients
        self._ownership = ownership

    def interface(self) -> Interface:
        """Return the interface to export."""
        return Interface(
            name=PRIVACY_INTERFACE,
            methods=(
                Method("SetMode", self._set_mode, {"mode": "s"}),
                Method("Log", self._log, {}, {"record": "h", "fault": "s"}),
                Method("Erase", self._erase),
            ),
            properties=(
                Property("Mode", "s", lambda: self._guard.mode.value, Changes.TRUE),
                Property("Locked", "b", lambda: self._guard.locked, Changes.TRUE),
                Property("Reranker", "s", lambda: self._guard.host, Changes.TRUE),
            ),
            signals={},
        )

    async def _set_mode(self, caller: str, name: str) -> None:
        if name not in list(PrivacyMode):
            raise ArgumentError(f"mode is {name!r}; give one of: {', '.join(PrivacyMode)}")
        mode = PrivacyMode(name)
        if mode is PrivacyMode.LOCAL:
            await self._clients.admit(caller)
        elif self._guard.locked:
            await self._ownership.check_locked(caller, LOOSEN)
        else:
            await self._ownership.check(caller, LOOSEN)
        await self._guard.set_mode(mode)

    async def _log(self, caller: str) -> tuple[int, str]:
        await self._ownership.check(caller, READ)
        log = await self._guard.read_audit_log()
        text = "".join(f"{line}\n" for line in log.lines)
        return sealed_text("auricle-record", text), log.fault

    async def _erase(self, caller: str) -> None:
        await self._ownership.check(caller, ERASE)
        await self._guard.erase()
