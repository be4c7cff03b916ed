"""The interface org.auricle.Context1: context entries that clients set for biasing."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Any

from auricle.bus.clients import Clients
from auricle.client.signals import ENTRIES
from auricle.context.entry_sets import Guest, Owner
from auricle.context.registry import ContextRegistry
from auricle.context.store import source_of
from auricle.context.validation import Given
from auricle.dbus.interface import Arguments, Changes, Interface, Method, Property
from auricle.dbus.names import CONTEXT_INTERFACE
from auricle.errors import ArgumentError, NotAuthorizedError

COUNTS_PROPERTY = "Entries"
DEFAULT_SOURCE = "default"

_OPTIONS = {"keep": "b", "source": "s"}
# Arguments of Set and Add: as much as the text of all names together may have.
_ENTRIES_BYTES = 16 * 1024 * 1024
_NAMES_BYTES = 4 * 1024 * 1024  # arguments of Remove


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
        count: Arguments = {"count": "u"}
        return Interface(
            name=CONTEXT_INTERFACE,
            methods=(
                Method("Set", self._set, given, count, _OPTIONS, _ENTRIES_BYTES),
                Method("Add", self._add, given, count, _OPTIONS, _ENTRIES_BYTES),
                Method("Remove", self._remove, named, {"removed": "u"}, _OPTIONS, _NAMES_BYTES),
                Method("Clear", self._clear, {"kind": "s", **options}, {}, _OPTIONS),
                Method("Count", self._count, options, {"counts": "a{su}"}, _OPTIONS),
                Method("Sources", self._sources, {}, {"sources": "a{sa{su}}"}),
            ),
            properties=(
                Property(
                    COUNTS_PROPERTY, "a{su}", dict, Changes.INVALIDATES, get_own=self._own_counts
                ),
            ),
            signals={},
        )

    async def _set(
        self, caller: str, kind: str, given: Sequence[Given], options: Mapping[str, Any]
    ) -> int:
        owner = await self._owner("Set", caller, options)
        return await self._registry.set(owner, kind, given)

    async def _add(
        self, caller: str, kind: str, given: Sequence[Given], options: Mapping[str, Any]
    ) -> int:
        owner = await self._owner("Add", caller, options)
        return await self._registry.add(owner, kind, given)

    async def _remove(
        self, caller: str, kind: str, names: Sequence[str], options: Mapping[str, Any]
    ) -> int:
        owner = await self._owner("Remove", caller, options)
        return await self._registry.remove(owner, kind, names)

    async def _clear(self, caller: str, kind: str, options: Mapping[str, Any]) -> None:
        owner = await self._owner("Clear", caller, options)
        await self._registry.clear(owner, kind)

    async def _count(self, caller: str, options: Mapping[str, Any]) -> dict[str, int]:
        return self._registry.count(await self._owner("Count", caller, options))

    async def _sources(self, caller: str) -> Mapping[str, dict[str, int]]:
        return self._registry.sources(await self._clients.admit(caller))

    async def _own_counts(self, caller: str) -> dict[str, int]:
        """Return the numbers of the caller's temporary names and its user's stored ones, by kind.

        Who may not give names has none.
        """
        try:
            user = await self._clients.admit(caller)
        except NotAuthorizedError:
            return {}
        counts = Counter(self._registry.count(Guest(caller)))
        for stored in self._registry.sources(user).values():
            counts.update(stored)
        return dict(sorted(counts.items()))

    async def _owner(self, method: str, caller: str, options: Mapping[str, Any]) -> Owner:
        """Return the owner of the entries: the caller, or a stored source of its user."""
        user = await self._clients.admit(caller)
        if options.get("keep"):
            return source_of(user, options.get("source", DEFAULT_SOURCE))
        if "source" in options:
            raise ArgumentError(
                f"option 'source' of {method} needs the option 'keep' as true; give both, or leave "
                "both out"
            )
        return Guest(caller)
