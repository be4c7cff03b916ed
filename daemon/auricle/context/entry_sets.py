"""The entries of all owners, without D-Bus and without disk access.

In: entries that an owner adds, replaces and removes. Out: one `Context` with the entries of all
owners, counts, and an error if a limit would be exceeded. Each owner has its own entry
set; a change by one owner does not affect the others.
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
class EntrySet:
    """The entries of one owner by kind, in their order; immutable."""

    kinds: Mapping[str, Entries] = field(default_factory=dict)  # each kind has at least one entry
    bytes: int = 0  # size of the text

    def __len__(self) -> int:
        return sum(map(len, self.kinds.values()))

    @property
    def counts(self) -> dict[str, int]:
        """Number of entries of each kind."""
        return {kind: len(entries) for kind, entries in self.kinds.items()}

    def with_only(self, kind: str, entries: Iterable[Entry]) -> EntrySet:
        """Return a copy in which `entries` replace all entries of a kind."""
        return self.without_kind(kind).with_more(kind, entries)

    def with_more(self, kind: str, entries: Iterable[Entry]) -> EntrySet:
        """Return a copy with additional entries; the same written form and id replaces an entry."""
        mine, size = dict(self.kinds.get(kind, {})), self.bytes
        for entry in entries:
            key = (entry.written, entry.id)
            before = mine.get(key)
            size += size_of(entry) - (0 if before is None else size_of(before))
            mine[key] = entry
        return self._with(kind, mine, size)

    def without(self, kind: str, names: Iterable[str]) -> EntrySet:
        """Return a copy without the entries of a kind whose written form or id is in `names`."""
        unwanted = frozenset(names)
        kept, size = {}, self.bytes
        for key, entry in self.kinds.get(kind, {}).items():
            if unwanted.isdisjoint(key):
                kept[key] = entry
            else:
                size -= size_of(entry)
        return self._with(kind, kept, size)

    def without_kind(self, kind: str) -> EntrySet:
        """Return a copy without the entries of a kind."""
        return self._with(
            kind, {}, self.bytes - sum(map(size_of, self.kinds.get(kind, {}).values()))
        )

    def _with(self, kind: str, entries: Entries, size: int) -> EntrySet:
        kinds = {**self.kinds, kind: entries}
        if not entries:
            del kinds[kind]
        return replace(self, kinds=kinds, bytes=size)


def size_of(entry: Entry) -> int:
    """Return an upper bound of the UTF-8 size of an entry: four bytes per character."""
    return 4 * (len(entry.written) + sum(map(len, entry.spoken)) + len(entry.id))


class EntrySets:
    """The entry sets of all owners."""

    def __init__(self) -> None:
        """Start with no entry sets."""
        self._sets: dict[Owner, EntrySet] = {}

    def of(self, owner: Owner) -> EntrySet:
        """Return the entry set of an owner; a new owner has an empty one."""
        return self._sets.get(owner, EntrySet())

    def sources(self, user: int) -> dict[str, EntrySet]:
        """Return the stored entry sets of a user, by source name."""
        return {
            owner.name: entry_set
            for owner, entry_set in self._sets.items()
            if isinstance(owner, Source) and owner.user == user
        }

    def forget_sources(self) -> None:
        """Remove the stored entry sets of all users."""
        self._sets = {
            owner: entry_set for owner, entry_set in self._sets.items() if isinstance(owner, Guest)
        }

    @property
    def all(self) -> tuple[EntrySet, ...]:
        """All entry sets, oldest owners first."""
        return tuple(self._sets.values())

    @property
    def counts(self) -> dict[str, int]:
        """Number of entries of each kind, for all owners together."""
        counts: Counter[str] = Counter()
        for entry_set in self._sets.values():
            counts.update(entry_set.counts)
        return dict(sorted(counts.items()))

    def check(self, owner: Owner, entry_set: EntrySet) -> None:
        """Check the limits before `entry_set` replaces the entry set of `owner`.

        An entry set that becomes smaller always passes. `put` does not check, so that entries read
        from disk are never lost.

        Raises:
            TooManyEntriesError: too many entries for one owner.
            ContextFullError: too many entries for all owners together.
            ContextTooLargeError: too much text for all owners together.
        """
        before = self.of(owner)
        more = len(entry_set) > len(before)
        if more and len(entry_set) > MOST_OF_ONE:
            raise TooManyEntriesError(
                f"entries: {len(entry_set)}: one client may have {MOST_OF_ONE}; leave out names "
                "that are never said"
            )
        count = sum(map(len, self.all)) - len(before) + len(entry_set)
        if more and count > MOST_OF_ALL:
            raise ContextFullError(
                f"entries: {len(entry_set)}: with those of other clients there would be {count}, "
                f"but the limit is {MOST_OF_ALL}; clear entries that are not needed"
            )
        size = sum(each.bytes for each in self.all) - before.bytes + entry_set.bytes
        if entry_set.bytes > before.bytes and size > MOST_BYTES:
            raise ContextTooLargeError(
                f"entries: {len(entry_set)}: with those of other clients the text would have "
                f"{size // 1024} KiB, but the limit is {MOST_BYTES // 1024} KiB; shorten names, or "
                "send fewer"
            )

    def put(self, owner: Owner, entry_set: EntrySet) -> None:
        """Replace the entry set of `owner`; an empty entry set removes the owner."""
        if entry_set.kinds:
            self._sets[owner] = entry_set
        else:
            self._sets.pop(owner, None)


def merge(entry_sets: Iterable[EntrySet]) -> Context:
    """Return the entries of all entry sets as one context.

    Entries of several owners with the same kind, written form and id become one entry, with all of
    their spoken forms and the highest weight.
    """
    merged: dict[tuple[str, Key], Entry] = {}
    for entry_set in entry_sets:
        for kind, entries in entry_set.kinds.items():
            for key, entry in entries.items():
                known = merged.get((kind, key))
                merged[kind, key] = entry if known is None else _joined(known, entry)
    return Context(tuple(merged.values()))


def _joined(first: Entry, second: Entry) -> Entry:
    spoken = tuple(dict.fromkeys((*first.spoken, *second.spoken)))
    return replace(first, spoken=spoken, weight=max(first.weight, second.weight))
