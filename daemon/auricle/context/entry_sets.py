"""The entries of all owners, without D-Bus and without disk access.

In: entries that an owner adds, replaces and removes. Out: one `Context` with the entries of all
owners, counts, and an error if a limit would be exceeded. Each owner has its own shelf of entries;
a change by one owner does not affect the shelves of the others.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from typing import TypeAlias

from auricle.context.entries import Context, Entry
from auricle.errors import ContextFullError, ContextTooLargeError, TooManyEntriesError

MOST_OF_ONE = 20_000  # entries of one owner
MOST_OF_ALL = 50_000  # entries of all owners together
MOST_BYTES = 16 * 1024 * 1024  # text of all owners together


@dataclass(frozen=True, slots=True)
class Guest:
    """A client whose entries are removed when it disconnects."""

    connection: str  # unique name on the bus


@dataclass(frozen=True, slots=True)
class Source:
    """The source of entries that are stored on disk; the name is chosen by the user's programs."""

    user: int  # user id; a user can only change the entries of their own sources
    name: str  # such as org.gnome.Contacts


Owner: TypeAlias = Guest | Source
Key: TypeAlias = tuple[str, str]  # written form and id, unique within a kind
Entries: TypeAlias = Mapping[Key, Entry]


@dataclass(frozen=True, slots=True)
class Shelf:
    """The entries of one owner by kind, in their order; immutable."""

    kinds: Mapping[str, Entries] = field(default_factory=dict)  # each kind has at least one entry
    bytes: int = 0  # size of the text

    def __len__(self) -> int:
        return sum(map(len, self.kinds.values()))

    @property
    def counts(self) -> dict[str, int]:
        """Number of entries of each kind."""
        return {kind: len(entries) for kind, entries in self.kinds.items()}

    def with_only(self, kind: str, entries: Iterable[Entry]) -> Shelf:
        """Return a copy in which `entries` replace all entries of a kind."""
        return self.without_kind(kind).with_more(kind, entries)

    def with_more(self, kind: str, entries: Iterable[Entry]) -> Shelf:
        """Return a copy with additional entries; the same written form and id replaces an entry."""
        mine, size = dict(self.kinds.get(kind, {})), self.bytes
        for entry in entries:
            key = (entry.written, entry.id)
            before = mine.get(key)
            size += size_of(entry) - (0 if before is None else size_of(before))
            mine[key] = entry
        return self._with(kind, mine, size)

    def without(self, kind: str, names: Iterable[str]) -> Shelf:
        """Return a copy without the entries of a kind whose written form or id is in `names`."""
        unwanted = frozenset(names)
        kept, size = {}, self.bytes
        for key, entry in self.kinds.get(kind, {}).items():
            if unwanted.isdisjoint(key):
                kept[key] = entry
            else:
                size -= size_of(entry)
        return self._with(kind, kept, size)

    def without_kind(self, kind: str) -> Shelf:
        """Return a copy without the entries of a kind."""
        return self._with(
            kind, {}, self.bytes - sum(map(size_of, self.kinds.get(kind, {}).values()))
        )

    def _with(self, kind: str, entries: Entries, size: int) -> Shelf:
        kinds = {**self.kinds, kind: entries}
        if not entries:
            del kinds[kind]
        return replace(self, kinds=kinds, bytes=size)


def size_of(entry: Entry) -> int:
    """Return an upper bound of the UTF-8 size of an entry: four bytes per character."""
    return 4 * (len(entry.written) + sum(map(len, entry.spoken)) + len(entry.id))


class EntrySets:
    """The shelves of all owners."""

    def __init__(self) -> None:
        """Start with no shelves."""
        self._shelves: dict[Owner, Shelf] = {}

    def shelf(self, owner: Owner) -> Shelf:
        """Return the shelf of an owner; an empty shelf if there is none."""
        return self._shelves.get(owner, Shelf())

    def sources(self, user: int) -> dict[str, Shelf]:
        """Return the stored shelves of a user, by source name."""
        return {
            owner.name: shelf
            for owner, shelf in self._shelves.items()
            if isinstance(owner, Source) and owner.user == user
        }

    def forget_sources(self) -> None:
        """Remove the stored shelves of all users."""
        self._shelves = {
            owner: shelf for owner, shelf in self._shelves.items() if isinstance(owner, Guest)
        }

    @property
    def shelves(self) -> tuple[Shelf, ...]:
        """All shelves, oldest owners first."""
        return tuple(self._shelves.values())

    @property
    def counts(self) -> dict[str, int]:
        """Number of entries of each kind, for all owners together."""
        counts: Counter[str] = Counter()
        for shelf in self._shelves.values():
            counts.update(shelf.counts)
        return dict(sorted(counts.items()))

    def check(self, owner: Owner, shelf: Shelf) -> None:
        """Check the limits before `shelf` replaces the shelf of `owner`.

        A shelf that becomes smaller always passes. `put` does not check, so that entries read from
        disk are never lost.

        Raises:
            TooManyEntriesError: too many entries for one owner.
            ContextFullError: too many entries for all owners together.
            ContextTooLargeError: too much text for all owners together.
        """
        before = self.shelf(owner)
        more = len(shelf) > len(before)
        if more and len(shelf) > MOST_OF_ONE:
            raise TooManyEntriesError(
                f"entries: {len(shelf)}: one client may have {MOST_OF_ONE}; leave out names that "
                "are never said"
            )
        count = sum(map(len, self.shelves)) - len(before) + len(shelf)
        if more and count > MOST_OF_ALL:
            raise ContextFullError(
                f"entries: {len(shelf)}: with those of other clients there would be {count}, but "
                f"the limit is {MOST_OF_ALL}; clear entries that are not needed"
            )
        size = sum(each.bytes for each in self.shelves) - before.bytes + shelf.bytes
        if shelf.bytes > before.bytes and size > MOST_BYTES:
            raise ContextTooLargeError(
                f"entries: {len(shelf)}: with those of other clients the text would have "
                f"{size // 1024} KiB, but the limit is {MOST_BYTES // 1024} KiB; shorten names, or "
                "send fewer"
            )

    def put(self, owner: Owner, shelf: Shelf) -> None:
        """Replace the shelf of `owner`; an empty shelf removes the owner."""
        if shelf.kinds:
            self._shelves[owner] = shelf
        else:
            self._shelves.pop(owner, None)


def merge(shelves: Iterable[Shelf]) -> Context:
    """Return the entries of all shelves as one context.

    Entries of several owners with the same kind, written form and id become one entry, with all of
    their spoken forms and the highest weight.
    """
    merged: dict[tuple[str, Key], Entry] = {}
    for shelf in shelves:
        for kind, entries in shelf.kinds.items():
            for key, entry in entries.items():
                known = merged.get((kind, key))
                merged[kind, key] = entry if known is None else _joined(known, entry)
    return Context(tuple(merged.values()))


def _joined(first: Entry, second: Entry) -> Entry:
    spoken = tuple(dict.fromkeys((*first.spoken, *second.spoken)))
    return replace(first, spoken=spoken, weight=max(first.weight, second.weight))
