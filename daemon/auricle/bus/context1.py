"""The interface org.auricle.Context1: context entries that clients set for biasing."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from dbus_next.signature import Variant

from auricle.bus.clients import Clients
from auricle.client.signals import ENTRIES
from auricle.context.entry_sets import Guest, Owner
from auricle.context.registry import ContextRegistry
from auricle.context.store import source_of
from auricle.context.validation import Given
from auricle.dbus.interface import Arguments, Changes, Interface, Method, Property
from auricle.dbus.names import CONTEXT_INTERFACE
from auricle.dbus.options import read_options
from auricle.errors import ArgumentError

COUNTS_PROPERTY = "Entries"
DEFAULT_SOURCE = "default"

_OPTIONS = {"keep": "b", "source": "s"}


class Context1:
    """Implements org.auricle.Context1."""

    def __init__(self, registry: ContextRegistry, clients: Clients) -> None:
        """`clients` decides who may set entries."""
        self._registry = registry
        self._clients = clients

    def interface(self) -> Interface:
        """Return the interface to export."""
        given: Arguments = {"kind": "s", "entries": ENTRIES, "options": "a{sv}"}
        named: Arguments = {"kind": "s", "names": "as", "options": "a{sv}"}
        options: Arguments = {"options": "a{sv}"}
        return Interface(
            name=CONTEXT_INTERFACE,
            methods=(
                Method("Set", self._set, given, {"count": "u"}),
                Method("Add", self._add, given, {"count": "u"}),
                Method("Remove", self._remove, named, {"removed": "u"}),
                Method("Clear", self._clear, {"kind": "s", **options}),
                Method("Count", self._count, options, {"counts": "a{su}"}),
                Method("Sources", self._sources, {}, {"sources": "a{sa{su}}"}),
            ),
            properties=(
                Property(COUNTS_PROPERTY, "a{su}", lambda: self._registry.counts, Changes.TRUE),
            ),
            signals={},
        )

    async def _set(
        self, caller: str, kind: str, given: Sequence[Given], options: Mapping[str, Variant]
    ) -> int:
        owner = await self._owner("Set", caller, options)
        return await self._registry.set(owner, kind, given)

    async def _add(
        self, caller: str, kind: str, given: Sequence[Given], options: Mapping[str, Variant]
    ) -> int:
        owner = await self._owner("Add", caller, options)
        return await self._registry.add(owner, kind, given)

    async def _remove(
        self, caller: str, kind: str, names: Sequence[str], options: Mapping[str, Variant]
    ) -> int:
        owner = await self._owner("Remove", caller, options)
        return await self._registry.remove(owner, kind, names)

    async def _clear(self, caller: str, kind: str, options: Mapping[str, Variant]) -> None:
        owner = await self._owner("Clear", caller, options)
        await self._registry.clear(owner, kind)

    async def _count(self, caller: str, options: Mapping[str, Variant]) -> dict[str, int]:
        return self._registry.count(await self._owner("Count", caller, options))

    async def _sources(self, caller: str) -> Mapping[str, dict[str, int]]:
        return self._registry.sources(await self._clients.admit(caller))

    async def _owner(self, method: str, caller: str, options: Mapping[str, Variant]) -> Owner:
        """Return the owner of the entries: the caller, or a stored source of its user."""
        values = read_options(method, options, _OPTIONS)
        user = await self._clients.admit(caller)
        if values.get("keep"):
            return source_of(user, values.get("source", DEFAULT_SOURCE))
        if "source" in values:
            raise ArgumentError(
                f"option 'source' of {method} needs the option 'keep' as true; give both, or leave "
                "both out"
            )
        return Guest(caller)
