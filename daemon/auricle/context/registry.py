"""The context registry: applies the changes of all clients, one after another.

In: calls of clients, each for the entries of one owner. Out: all entries as one `Context`, at most
four times per second. Stored entries are on the disk before a call returns. Long lists are checked,
written and merged in threads, so that they do not block the event loop.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Mapping, Sequence

from auricle.context.coalesce import HandOver
from auricle.context.entries import Context
from auricle.context.entry_sets import EntrySet, EntrySets, Guest, Owner, Source, merge
from auricle.context.store import Store
from auricle.context.validation import LONGEST_TEXT, Given, clean_kind, clean_name, read_entries
from auricle.errors import AuricleError, StorageError, TooManyEntriesError

SHORT = 100  # up to this many entries are checked on the event loop: a thread costs more

Changed = Callable[[Context], Awaitable[None]]


class ContextRegistry:
    """Stores and publishes the entries of all clients.

    Call `load` once before the calls of clients, and `close` at the end.
    """

    def __init__(self, store: Store, changed: Changed, tell: Callable[[str], None]) -> None:
        """Start with no entries.

        Args:
            store: stores entries on disk.
            changed: called with all entries after a change; may raise BusyError to be called later.
            tell: called with a sentence about stored entries that cannot be read or do not fit
                into memory. The sentence contains no names.
        """
        self._store = store
        self._changed = changed
        self._tell = tell
        self._entry_sets = EntrySets()
        self._partial: dict[Owner, set[str]] = {}  # kinds whose stored entries did not all fit
        self._turn = asyncio.Lock()  # calls are applied in the order of arrival
        self._hand_over = HandOver(self._give)

    @property
    def counts(self) -> dict[str, int]:
        """Number of entries of each kind, for all clients together."""
        return self._entry_sets.counts

    async def load(self) -> None:
        """Read the stored entries; report files that cannot be read."""
        try:
            kept, damaged = await asyncio.to_thread(self._store.load)
        except StorageError as error:
            self._tell(str(error))
            return
        for source, entry_set in sorted(kept.items(), key=lambda item: item[1].need):
            self._load(source, entry_set)
        for damage in damaged:
            self._tell(damage.told)
        left = sum(map(len, kept.values())) - sum(map(len, self._entry_sets.all))
        if left:
            need = sum(entry_set.need for entry_set in kept.values()) / 2**20
            self._tell(
                f"{left} stored entries are not used, because all of them would need "
                f"{need:.0f} MiB of memory or exceed another limit; they stay on disk until their "
                "clients send fewer"
            )
        if kept:
            self._hand_over.mark()

    def _load(self, source: Source, entry_set: EntrySet) -> None:
        """Use the stored entries of a source, or those that fit."""
        used = self._entry_sets.fitting(source, entry_set)
        self._entry_sets.put(source, used)
        partial = {
            kind
            for kind, all_ in entry_set.kinds.items()
            if len(used.kinds.get(kind, ())) < len(all_)
        }
        if partial:
            self._partial[source] = partial

    async def set(self, owner: Owner, kind: str, given: Sequence[Given]) -> int:
        """Replace the entries of a kind; return their new number.

        After an error nothing has changed.

        Raises:
            ArgumentError, NameTooLongError, InvalidNameError, TooManySpokenFormsError: see
                `read_entries`.
            TooManyEntriesError, ContextFullError, ContextTooLargeError: see `EntrySets.check`.
            StorageError: the entries cannot be written.
        """
        async with self._turn:
            self._keep_unused(owner, replaced=kind)
            entry_set = self._entry_sets.of(owner)
            after = await _aside(
                len(given), lambda: entry_set.with_only(kind, read_entries(kind, given))
            )
            return await self._put(owner, after, kind)

    async def add(self, owner: Owner, kind: str, given: Sequence[Given]) -> int:
        """Add entries of a kind; return their new number. Raises the same errors as `set`."""
        async with self._turn:
            self._keep_unused(owner)
            entry_set = self._entry_sets.of(owner)
            after = await _aside(
                len(given), lambda: entry_set.with_more(kind, read_entries(kind, given))
            )
            return await self._put(owner, after, kind)

    async def remove(self, owner: Owner, kind: str, names: Sequence[str]) -> int:
        """Remove the entries whose written form or id is in `names`; return how many were removed.

        Raises:
            ArgumentError: the kind is not a valid word.
            StorageError: the change cannot be written; nothing has changed.
        """
        async with self._turn:
            self._keep_unused(owner)
            before = self._entry_sets.of(owner)
            after = await _aside(
                len(names), lambda: before.without(clean_kind(kind), _known_forms(names))
            )
            await self._put(owner, after, kind)
            return len(before) - len(after)

    async def clear(self, owner: Owner, kind: str = "") -> None:
        """Remove all entries of a kind; an empty `kind` means all kinds.

        Raises:
            ArgumentError: the kind is not a valid word.
            StorageError: the change cannot be written.
        """
        async with self._turn:
            if kind:
                self._keep_unused(owner, replaced=kind)
            entry_set = (
                self._entry_sets.of(owner).without_kind(clean_kind(kind)) if kind else EntrySet()
            )
            await self._put(owner, entry_set, kind)

    async def leave(self, guest: Guest) -> None:
        """Remove the entries of a disconnected client, after its pending calls."""
        await self.clear(guest)

    async def erase(self) -> None:
        """Delete the stored entries of all users, also from the disk.

        Entries of connected clients stay, because they are not stored.

        Raises:
            StorageError: the files cannot be deleted.
        """
        async with self._turn:
            await asyncio.to_thread(self._store.erase)
            self._entry_sets.forget_sources()
            self._partial = {}
            self._hand_over.mark()

    def count(self, owner: Owner) -> dict[str, int]:
        """Return the number of entries of an owner, by kind."""
        return self._entry_sets.of(owner).counts

    def sources(self, user: int) -> Mapping[str, dict[str, int]]:
        """Return the number of stored entries of a user: source -> kind -> number."""
        return {
            name: entry_set.counts for name, entry_set in self._entry_sets.sources(user).items()
        }

    async def close(self) -> None:
        """Stop publishing changes."""
        await self._hand_over.close()

    async def _put(self, owner: Owner, entry_set: EntrySet, kind: str) -> int:
        """Replace an entry set, first on the disk; return its number of entries of `kind`."""
        if entry_set != self._entry_sets.of(owner) or owner in self._partial:
            self._entry_sets.check(owner, entry_set)
            if isinstance(owner, Source):
                await asyncio.to_thread(self._store.save, owner, entry_set)
            self._entry_sets.put(owner, entry_set)
            self._partial.pop(owner, None)
            self._hand_over.mark()
        return len(entry_set.kinds.get(kind, ()))

    def _keep_unused(self, owner: Owner, replaced: str = "") -> None:
        """Refuse a change that would remove stored entries which were not loaded.

        Args:
            owner: whose entries change.
            replaced: the kind of which all entries are replaced, if any.

        Raises:
            TooManyEntriesError: the source has such entries of another kind.
        """
        partial = self._partial.get(owner, set()) - {replaced}
        if partial:
            raise TooManyEntriesError(
                f"kind: {', '.join(sorted(partial))}: not all stored entries of this source fit "
                f"into memory, only {len(self._entry_sets.of(owner))} are used; set this kind "
                "again with fewer entries, or clear the source, and then change it"
            )

    async def _give(self) -> None:
        context = await asyncio.to_thread(merge, self._entry_sets.all)
        await self._changed(context)


async def _aside(size: int, work: Callable[[], EntrySet]) -> EntrySet:
    """Do `work` on `size` entries, in a thread if there are many."""
    return work() if size <= SHORT else await asyncio.to_thread(work)


def _known_forms(names: Sequence[str]) -> list[str]:
    """Return normalized names; invalid names are left out, because no entry can have them."""
    known = []
    for name in names:
        try:
            known.append(clean_name(name[: LONGEST_TEXT + 1], "names"))
        except AuricleError:
            continue
    return known
