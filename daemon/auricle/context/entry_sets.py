"""The entries of all owners, without D-Bus and without disk access.

In: entries that an owner adds, replaces and removes. Out: one `Context` with the entries of all
owners, counts, and an error if a limit would be exceeded. Each owner has its own entry
set; a change by one owner does not affect the others.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import TypeAlias

from auricle.context.entries import Context, Entry
from auricle.context.entry_list import EntryList, EntryLists
from auricle.defaults import NAMES_BYTES
from auricle.errors import ContextFullError, ContextTooLargeError, TooManyEntriesError

MOST_OF_ONE = 20_000  # entries of one owner
MOST_OF_ALL = 100_000  # entries of all owners together
MOST_BYTES = 16 * 1024 * 1024  # text of all owners together
MOST_MEMORY = NAMES_BYTES  # memory for the names of all owners together, as estimated


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


@dataclass(frozen=True, slots=True)
class EntrySet:
    """The entries of one owner by kind, in their order; immutable."""

    kinds: Mapping[str, EntryList] = field(default_factory=dict)  # each kind has at least one entry

    def __len__(self) -> int:
        return sum(map(len, self.kinds.values()))

    @property
    def counts(self) -> dict[str, int]:
        """Number of entries of each kind."""
        return {kind: len(entries) for kind, entries in self.kinds.items()}

    @property
    def text_bytes(self) -> int:
        """Size of the text."""
        return sum(entries.text_bytes for entries in self.kinds.values())

    @property
    def need(self) -> int:
        """Memory that the daemon needs for these entries, in bytes, as estimated."""
        return sum(entries.need for entries in self.kinds.values())

    def with_only(self, kind: str, entries: Iterable[Entry]) -> EntrySet:
        """Return a copy in which `entries` replace all entries of a kind."""
        return self._with(kind, EntryList(kind, entries))

    def with_more(self, kind: str, entries: Iterable[Entry]) -> EntrySet:
        """Return a copy with additional entries; the same written form and id replaces an entry."""
        return self._with(kind, self._of(kind).with_more(entries))

    def without(self, kind: str, names: Iterable[str]) -> EntrySet:
        """Return a copy without the entries of a kind whose written form or id is in `names`."""
        return self._with(kind, self._of(kind).without(names))

    def without_kind(self, kind: str) -> EntrySet:
        """Return a copy without the entries of a kind."""
        return self._with(kind, EntryList(kind))

    def _of(self, kind: str) -> EntryList:
        return self.kinds.get(kind) or EntryList(kind)

    def _with(self, kind: str, entries: EntryList) -> EntrySet:
        kinds = {**self.kinds, kind: entries}
        if not entries:
            del kinds[kind]
        return EntrySet(kinds)


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
            TooManyEntriesError: too many entries for one owner, or all owners together would need
                too much memory.
            ContextFullError: too many entries for all owners together.
            ContextTooLargeError: too much text for all owners together.
        """
        before = self.of(owner)
        others = [each for one, each in self._sets.items() if one != owner]
        more = len(entry_set) > len(before)
        if more and len(entry_set) > MOST_OF_ONE:
            raise TooManyEntriesError(
                f"entries: {len(entry_set)}: one client may have {MOST_OF_ONE}; leave out names "
                "that are never said"
            )
        count = sum(map(len, others)) + len(entry_set)
        if more and count > MOST_OF_ALL:
            raise ContextFullError(
                f"entries: {len(entry_set)}: with those of other clients there would be {count}, "
                f"but the limit is {MOST_OF_ALL}; clear entries that are not needed"
            )
        size = sum(each.text_bytes for each in others) + entry_set.text_bytes
        if entry_set.text_bytes > before.text_bytes and size > MOST_BYTES:
            raise ContextTooLargeError(
                f"entries: {len(entry_set)}: with those of other clients the text would have "
                f"{size // 1024} KiB, but the limit is {MOST_BYTES // 1024} KiB; shorten names, or "
                "send fewer"
            )
        used = sum(each.need for each in others)
        if entry_set.need > before.need and used + entry_set.need > MOST_MEMORY:
            fit = max(0, MOST_MEMORY - used) * len(entry_set) // entry_set.need
            raise TooManyEntriesError(
                f"entries: {len(entry_set)}: they need {_mib(entry_set.need)} of memory, but of "
                f"{_mib(MOST_MEMORY)} for all clients {_mib(used)} are used by others; send at "
                f"most {fit} like these, or fewer spoken forms"
            )

    def fitting(self, owner: Owner, entry_set: EntrySet) -> EntrySet:
        """Return the first entries of `entry_set` that `owner` may have within all limits."""
        others = [each for one, each in self._sets.items() if one != owner]
        count = min(MOST_OF_ONE, MOST_OF_ALL - sum(map(len, others)))
        text = MOST_BYTES - sum(each.text_bytes for each in others)
        memory = MOST_MEMORY - sum(each.need for each in others)
        kinds = {}
        for kind, entries in entry_set.kinds.items():
            some = entries.first(max(0, min(len(entries), count, entries.fitting(text, memory))))
            count, text, memory = count - len(some), text - some.text_bytes, memory - some.need
            if some:
                kinds[kind] = some
        return EntrySet(kinds)

    def put(self, owner: Owner, entry_set: EntrySet) -> None:
        """Replace the entry set of `owner`; an empty entry set removes the owner."""
        if entry_set.kinds:
            self._sets[owner] = entry_set
        else:
            self._sets.pop(owner, None)


def merge(entry_sets: Iterable[EntrySet]) -> Context:
    """Return the entries of all entry sets as one context, kind by kind.

    Entries of several owners with the same kind, written form and id become one entry, with all of
    their spoken forms and the highest weight.
    """
    merged: dict[str, EntryList] = {}
    for entry_set in entry_sets:
        for kind, entries in entry_set.kinds.items():
            merged[kind] = merged[kind].joined(entries) if kind in merged else entries
    return Context(EntryLists(merged.values()))


def _mib(size: int) -> str:
    return f"{size / 2**20:.1f} MiB"
