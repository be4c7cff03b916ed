"""The interface org.auricle.Arbiter1: ducking of other sounds and the compute level."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from auricle.bus.clients import Clients
from auricle.compute.governor import Governor
from auricle.dbus.interface import Changes, Interface, Method, Property
from auricle.dbus.names import ARBITER_INTERFACE
from auricle.ducking.ducker import Ducker

PROPERTIES = ("Ducked", "Level")


class Arbiter1:
    """Implements org.auricle.Arbiter1."""

    def __init__(self, music: Ducker, compute: Governor, clients: Clients) -> None:
        """`clients` decides who may duck other sounds."""
        self._music = music
        self._compute = compute
        self._clients = clients

    def interface(self) -> Interface:
        """Return the interface to export."""
        return Interface(
            name=ARBITER_INTERFACE,
            methods=(
                Method(
                    "Duck",
                    self._duck,
                    {"options": "a{sv}"},
                    {"lease": "u"},
                    options={"seconds": "d"},
                ),
                Method("Release", self._release, {"lease": "u"}),
            ),
            properties=(
                Property("Ducked", "b", lambda: self._music.ducked, Changes.TRUE),
                Property("Level", "s", lambda: self._compute.level.value, Changes.TRUE),
            ),
            signals={},
        )

    async def _duck(self, caller: str, options: Mapping[str, Any]) -> int:
        await self._clients.admit(caller)
        return self._music.duck(caller, options.get("seconds"))

    async def _release(self, caller: str, lease: int) -> None:
        await self._clients.admit(caller)
        self._music.release(caller, lease)
