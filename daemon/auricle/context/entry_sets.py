"""The book of all names that clients have given, as values: pure, without D-Bus and without disk.

In: what an owner gives, replaces and takes back. Out: one `Context` of all owners for the
recogniser, counts, and an error before a limit is passed. Two shelves of names never mix: a set by
one owner leaves all others as they are.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from typing import TypeAlias

from auricle.context.entries import Context, Entry
from auricle.errors import ContextFullError, ContextTooLargeError, TooManyEntriesError

MOST_OF_ONE = 20_000  # entries of one owner
MOST_OF_ALL = 50_000  # entries of all owners
MOST_BYTES = 16 * 1024 * 1024  # of text, of all owners


@dataclass(frozen=True, slots=True)
class Guest:
    """A client whose names go when it leaves."""

    connection: str  # unique name on the bus


@dataclass(frozen=True, slots=True)
class Source:
    """Where kept names come from: a name that a user's programs choose, the same each time."""

    user: int  # the id, so that no user touches what another keeps
    name: str  # such as org.gnome.Contacts


Owner: TypeAlias = Guest | Source
Key: TypeAlias = tuple[str, str]  # written form and id: what tells two entries of a kind apart
Entries: TypeAlias = Mapping[Key, Entry]


@dataclass(frozen=True, slots=True)
class Shelf:
    """What one owner has given, by kind, in the order in which it was given; a value."""

    kinds: Mapping[str, Entries] = field(default_factory=dict)  # none is empty
    bytes: int = 0  # of text

    def __len__(self) -> int:
        return sum(map(len, self.kinds.values()))

    @property
    def counts(self) -> dict[str, int]:
        """How many entries there are of each kind."""
        return {kind: len(entries) for kind, entries in self.kinds.items()}

    def with_only(self, kind: str, entries: Iterable[Entry]) -> Shelf:
        """Return a shelf whose entries of a kind are these, and no others."""
        return self.without_kind(kind).with_more(kind, entries)

    def with_more(self, kind: str, entries: Iterable[Entry]) -> Shelf:
        """Return a shelf with more entries; one with the same writing and id is replaced."""
        mine, size = dict(self.kinds.get(kind, {})), self.bytes
        for entry in entries:
            key = (entry.written, entry.id)
            before = mine.get(key)
            size += size_of(entry) - (0 if before is None else size_of(before))
            mine[key] = entry
        return self._with(kind, mine, size)

    def without(self, kind: str, names: Iterable[str]) -> Shelf:
        """Return a shelf without the entries of a kind that are written so or have such an id."""
        unwanted = frozenset(names)
        kept, size = {}, self.bytes
        for key, entry in self.kinds.get(kind, {}).items():
            if unwanted.isdisjoint(key):
                kept[key] = entry
            else:
                size -= size_of(entry)
        return self._with(kind, kept, size)

    def without_kind(self, kind: str) -> Shelf:
        """Return a shelf without the entries of a kind."""
        return self._with(
            kind, {}, self.bytes - sum(map(size_of, self.kinds.get(kind, {}).values()))
        )

    def _with(self, kind: str, entries: Entries, size: int) -> Shelf:
        kinds = {**self.kinds, kind: entries}
        if not entries:
            del kinds[kind]
        return replace(self, kinds=kinds, bytes=size)


def size_of(entry: Entry) -> int:
    """Return the bytes of text in an entry, at most: four for each character."""
    return 4 * (len(entry.written) + sum(map(len, entry.spoken)) + len(entry.id))


class EntrySets:
    """The shelves of all owners."""

    def __init__(self) -> None:
        """Begin with none."""
        self._shelves: dict[Owner, Shelf] = {}

    def shelf(self, owner: Owner) -> Shelf:
        """Return what an owner has given."""
        return self._shelves.get(owner, Shelf())

    def sources(self, user: int) -> dict[str, Shelf]:
        """Return the kept shelves of a user, by the names of their sources."""
        return {
            owner.name: shelf
            for owner, shelf in self._shelves.items()
            if isinstance(owner, Source) and owner.user == user
        }

    def forget_sources(self) -> None:
        """Let no kept shelf be there any more, of any user."""
        self._shelves = {
            owner: shelf for owner, shelf in self._shelves.items() if isinstance(owner, Guest)
        }

    @property
    def shelves(self) -> tuple[Shelf, ...]:
        """All shelves, those of the oldest owners first."""
        return tuple(self._shelves.values())

    @property
    def counts(self) -> dict[str, int]:
        """How many entries there are of each kind, of all owners together."""
        counts: Counter[str] = Counter()
        for shelf in self._shelves.values():
            counts.update(shelf.counts)
        return dict(sorted(counts.items()))

    def check(self, owner: Owner, shelf: Shelf) -> None:
        """Raise an error if `shelf`, in place of what `owner` has now, would pass a limit.

        What has become smaller is never refused, nor what was read from the disk by `put`.

        Raises:
            TooManyEntriesError: too many for one owner.
            ContextFullError: too many for all owners together.
            ContextTooLargeError: too much text for all owners together.
        """
        before = self.shelf(owner)
        more = len(shelf) > len(before)
        if more and len(shelf) > MOST_OF_ONE:
            raise TooManyEntriesError(
                f"entries: {len(shelf)}: one client may give {MOST_OF_ONE}; leave out what is "
                "never said"
            )
        count = sum(map(len, self.shelves)) - len(before) + len(shelf)
        if more and count > MOST_OF_ALL:
            raise ContextFullError(
                f"entries: {len(shelf)}: make {count} with those of other clients, and "
                f"{MOST_OF_ALL} are taken; clear what is not needed"
            )
        size = sum(each.bytes for each in self.shelves) - before.bytes + shelf.bytes
        if shelf.bytes > before.bytes and size > MOST_BYTES:
            raise ContextTooLargeError(
                f"entries: {len(shelf)}: make {size // 1024} KiB of text with those of other "
                f"clients, and {MOST_BYTES // 1024} are taken; shorten names, or give fewer"
            )

    def put(self, owner: Owner, shelf: Shelf) -> None:
        """Let `owner` have given this; an empty shelf is forgotten."""
        if shelf.kinds:
            self._shelves[owner] = shelf
        else:
            self._shelves.pop(owner, None)


def merge(shelves: Iterable[Shelf]) -> Context:
    """Return all entries; what several owners gave alike stands once, with all that they know.

    That is an entry of the same kind, writing and id: its spoken forms are those of all, its weight
    is the highest.
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
