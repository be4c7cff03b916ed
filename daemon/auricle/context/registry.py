"""The keeper of contexts: takes what clients give, one after another, on the event loop.

In: calls of clients, each for the names of one owner. Out: all names as one `Context`, handed over
at most four times a second; kept names on the disk before a call returns. Long lists are checked,
written and merged in threads: the loop goes on meanwhile.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Mapping, Sequence

from auricle.context.coalesce import HandOver
from auricle.context.entries import Context
from auricle.context.entry_sets import EntrySets, Guest, Owner, Shelf, Source, merge
from auricle.context.store import Store
from auricle.context.validation import LONGEST_TEXT, Given, clean_kind, clean_name, read_entries
from auricle.errors import AuricleError, StorageError

SHORT = 100  # entries that are checked sooner than a thread is asked

Changed = Callable[[Context], Awaitable[None]]


class ContextRegistry:
    """Use `await load()` once; then the calls of clients; at the end `await close()`."""

    def __init__(self, store: Store, changed: Changed, tell: Callable[[str], None]) -> None:
        """Begin with nothing.

        Args:
            store: where kept names lie.
            changed: takes all names after they have changed; may raise BusyError to get them later.
            tell: takes a sentence on kept names that cannot be read; it holds no name.
        """
        self._store = store
        self._changed = changed
        self._tell = tell
        self._book = EntrySets()
        self._turn = asyncio.Lock()  # calls hold in the order in which they came
        self._hand_over = HandOver(self._give)

    @property
    def counts(self) -> dict[str, int]:
        """How many entries there are of each kind, of all clients together."""
        return self._book.counts

    async def load(self) -> None:
        """Read what was kept; what cannot be read is told."""
        try:
            kept, damaged = await asyncio.to_thread(self._store.load)
        except StorageError as error:
            self._tell(str(error))
            return
        for source, shelf in kept.items():
            self._book.put(source, shelf)
        for damage in damaged:
            self._tell(damage.told)
        if kept:
            self._hand_over.mark()

    async def set(self, owner: Owner, kind: str, given: Sequence[Given]) -> int:
        """Replace the entries of a kind; return how many there are now.

        Raises the errors of `read_entries` and `EntrySets.check`, and StorageError; nothing has
        changed then.
        """
        async with self._turn:
            shelf = self._book.shelf(owner)
            after = await _aside(
                len(given), lambda: shelf.with_only(kind, read_entries(kind, given))
            )
            return await self._put(owner, after, kind)

    async def add(self, owner: Owner, kind: str, given: Sequence[Given]) -> int:
        """Add entries to those of a kind; return how many there are now. Raises as `set` does."""
        async with self._turn:
            shelf = self._book.shelf(owner)
            after = await _aside(
                len(given), lambda: shelf.with_more(kind, read_entries(kind, given))
            )
            return await self._put(owner, after, kind)

    async def remove(self, owner: Owner, kind: str, names: Sequence[str]) -> int:
        """Remove the entries that are written so or have such an id; return how many those were.

        Raises StorageError; then nothing has changed.
        """
        async with self._turn:
            before = self._book.shelf(owner)
            after = await _aside(
                len(names), lambda: before.without(clean_kind(kind), _known_forms(names))
            )
            await self._put(owner, after, kind)
            return len(before) - len(after)

    async def clear(self, owner: Owner, kind: str = "") -> None:
        """Remove all entries of a kind, or of all kinds. Raises StorageError."""
        async with self._turn:
            shelf = self._book.shelf(owner).without_kind(clean_kind(kind)) if kind else Shelf()
            await self._put(owner, shelf, kind)

    async def leave(self, guest: Guest) -> None:
        """Forget the names of a client that has gone, once the calls that it made are done."""
        await self.clear(guest)

    async def erase(self) -> None:
        """Forget all kept names, of every user, on the disk too. Raises StorageError.

        The names of the clients that are there now stay: those are not kept.
        """
        async with self._turn:
            await asyncio.to_thread(self._store.erase)
            self._book.forget_sources()
            self._hand_over.mark()

    def count(self, owner: Owner) -> dict[str, int]:
        """Return how many entries an owner has given, by kind."""
        return self._book.shelf(owner).counts

    def sources(self, user: int) -> Mapping[str, dict[str, int]]:
        """Return how many entries are kept for a user: source -> kind -> number."""
        return {name: shelf.counts for name, shelf in self._book.sources(user).items()}

    async def close(self) -> None:
        """Hand nothing over any more."""
        await self._hand_over.close()

    async def _put(self, owner: Owner, shelf: Shelf, kind: str) -> int:
        """Let a shelf hold, on the disk first; return how many entries of `kind` are on it."""
        if shelf != self._book.shelf(owner):
            self._book.check(owner, shelf)
            if isinstance(owner, Source):
                await asyncio.to_thread(self._store.save, owner, shelf)
            self._book.put(owner, shelf)
            self._hand_over.mark()
        return len(shelf.kinds.get(kind, ()))

    async def _give(self) -> None:
        context = await asyncio.to_thread(merge, self._book.shelves)
        await self._changed(context)


async def _aside(size: int, work: Callable[[], Shelf]) -> Shelf:
    """Do `work` on `size` entries; in a thread if that takes longer than to ask one."""
    return work() if size <= SHORT else await asyncio.to_thread(work)


def _known_forms(names: Sequence[str]) -> list[str]:
    """Return names as they stand in the book; what could not stand there is not there either."""
    known = []
    for name in names:
        try:
            known.append(clean_name(name[: LONGEST_TEXT + 1], "names"))
        except AuricleError:
            continue
    return known
