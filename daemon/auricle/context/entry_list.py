"""Entries of one kind in one block of memory.

In: entries. Out: the same entries, one by one as they are asked for, and copies with entries added,
replaced or removed. An entry takes the bytes of its text and about twenty more; as Python objects
it would take about 300.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from itertools import chain
from typing import TypeAlias, overload

import numpy as np
from numpy.typing import NDArray

from auricle.context.entries import Entry
from auricle.context.memory import need_of

Key: TypeAlias = tuple[str, str]  # written form and id, unique within a kind
Hashes: TypeAlias = NDArray[np.int64]
_BEGIN, _END = b"\n", b"\0"  # of an entry and of each of its texts; a valid name has neither
_GROUP = 512  # entries that are unpacked at once
_FEW = 32  # keys; up to so many, each is searched for separately


class EntryList(Sequence[Entry]):
    """Entries of one kind with distinct keys; immutable."""

    def __init__(self, kind: str, entries: Iterable[Entry] = ()) -> None:
        """Pack entries; of two with the same key, the later one takes the place of the first."""
        distinct = {(entry.written, entry.id): entry for entry in entries}
        packed = [_packed(entry) for entry in distinct.values()]
        self.kind = kind
        self._blob = b"".join(packed)
        self._starts = _starts(packed)
        self._weights = np.array([entry.weight for entry in distinct.values()], np.float64)
        self._needs = np.array([need_of(entry) for entry in distinct.values()], np.uint32)

    def __len__(self) -> int:
        return len(self._weights)

    @overload
    def __getitem__(self, index: int) -> Entry: ...

    @overload
    def __getitem__(self, index: slice) -> list[Entry]: ...

    def __getitem__(self, index: int | slice) -> Entry | list[Entry]:
        """Return the entry at an index, or those of a slice."""
        if isinstance(index, slice):
            return [self[one] for one in range(*index.indices(len(self)))]
        if not 0 <= index < len(self):
            raise IndexError(index)
        packed = self._blob[self._starts[index] : self._starts[index + 1]]
        return self._unpacked(packed, float(self._weights[index]))

    def __iter__(self) -> Iterator[Entry]:
        return map(self._unpacked, self._packed(), self._weights.tolist())

    def __eq__(self, other: object) -> bool:
        if isinstance(other, EntryList):
            return (
                self.kind == other.kind
                and self._blob == other._blob
                and np.array_equal(self._weights, other._weights)
            )
        return _equal(self, other)

    def __hash__(self) -> int:
        return hash((self.kind, self._blob))

    @property
    def text_bytes(self) -> int:
        """Size of the text."""
        return len(self._blob)

    @property
    def need(self) -> int:
        """Memory that the daemon needs for these entries, in bytes, as estimated."""
        return int(self._needs.sum())

    @property
    def weights(self) -> NDArray[np.float64]:
        """The weight of each entry, (entries,)."""
        return self._weights

    @property
    def fingerprints(self) -> Hashes:
        """A hash of each entry, (entries,)."""
        kind = hash(self.kind)
        hashes = (
            hash((kind, packed, weight))
            for packed, weight in zip(self._packed(), self._weights.tolist(), strict=True)
        )
        return np.fromiter(hashes, np.int64, len(self))

    def fitting(self, text_bytes: int, need: int) -> int:
        """Return how many entries, from the first, have at most this much text and need."""
        texts = np.searchsorted(self._starts[1:], text_bytes, "right")
        needs = np.searchsorted(np.cumsum(self._needs, dtype=np.int64), need, "right")
        return int(min(texts, needs))

    def first(self, count: int) -> EntryList:
        """Return the first entries."""
        made = EntryList(self.kind)
        made._blob = self._blob[: self._starts[count]]
        made._starts = self._starts[: count + 1].copy()
        made._weights, made._needs = self._weights[:count].copy(), self._needs[:count].copy()
        return made

    def find(self, key: Key) -> int:
        """Return the index of the entry with a key; -1 if no entry has it."""
        place = self._blob.find(_packed_key(key))
        return int(np.searchsorted(self._starts, place)) if place >= 0 else -1

    def with_more(self, entries: Iterable[Entry]) -> EntryList:
        """Return a copy with more entries; the same key replaces an entry in its place."""
        more = {(entry.written, entry.id): entry for entry in entries}
        places = self._places(more)
        new = EntryList(self.kind, [entry for key, entry in more.items() if key not in places])
        if not places:
            return self._followed_by(new)
        packed, weights, needs = list(self._packed()), self._weights.copy(), self._needs.copy()
        for key, place in places.items():
            entry = more[key]
            packed[place], weights[place], needs[place] = (
                _packed(entry),
                entry.weight,
                need_of(entry),
            )
        return self._of(packed, weights, needs)._followed_by(new)

    def without(self, names: Iterable[str]) -> EntryList:
        """Return a copy without the entries whose written form or id is in `names`."""
        unwanted = {name.encode(errors="surrogatepass") for name in names}
        keep = [
            unwanted.isdisjoint(packed[len(_BEGIN) :].split(_END, 2)[:2])
            for packed in self._packed()
        ]
        if all(keep):
            return self
        kept = [packed for packed, here in zip(self._packed(), keep, strict=True) if here]
        stays = np.array(keep, np.bool_)
        return self._of(kept, self._weights[stays], self._needs[stays])

    def joined(self, other: EntryList) -> EntryList:
        """Return the entries of both; of two with one key, one with all of their spoken forms."""
        alike = np.isin(other._key_hashes, self._key_hashes)
        if not alike.any():
            return self._followed_by(other)
        keys = [(other[place].written, other[place].id) for place in np.flatnonzero(alike).tolist()]
        places = self._places(dict.fromkeys(keys))
        return self.with_more(
            _joined(self[places[key]], entry) if (key := (entry.written, entry.id)) in places
            else entry
            for entry in other
        )  # fmt: skip

    def not_in(self, other: EntryList | None) -> list[Entry]:
        """Return the entries that another list does not have."""
        if other is None:
            return list(self)
        count = len(other)
        if (
            np.array_equal(self._starts[: count + 1], other._starts)
            and np.array_equal(self._weights[:count], other._weights)
            and self._blob.startswith(other._blob)
        ):
            return self[count:]
        known = set(zip(other._packed(), other._weights.tolist(), strict=True))
        return [
            self._unpacked(packed, weight)
            for packed, weight in zip(self._packed(), self._weights.tolist(), strict=True)
            if (packed, weight) not in known
        ]

    @property
    def _key_hashes(self) -> Hashes:
        hashes = (hash(tuple(packed.split(_END, 2)[:2])) for packed in self._packed())
        return np.fromiter(hashes, np.int64, len(self))

    def _places(self, keys: Mapping[Key, object]) -> dict[Key, int]:
        """Return the index of each of some keys that an entry here has."""
        if len(keys) <= _FEW:
            return {key: place for key in keys if (place := self.find(key)) >= 0}
        wanted = {_packed_key(key): key for key in keys}
        found = {}
        for place, packed in enumerate(self._packed()):
            written, identity, _ = packed.split(_END, 2)
            key = wanted.get(written + _END + identity + _END)
            if key is not None:
                found[key] = place
        return found

    def _packed(self) -> Iterator[bytes]:
        """Yield each entry as bytes."""
        for first in range(0, len(self), _GROUP):
            last = min(first + _GROUP, len(self))
            bounds = self._starts[first : last + 1].tolist()
            blob = self._blob[bounds[0] : bounds[-1]]
            for low, high in zip(bounds, bounds[1:], strict=False):
                yield blob[low - bounds[0] : high - bounds[0]]

    def _unpacked(self, packed: bytes, weight: float) -> Entry:
        texts = packed[len(_BEGIN) : -len(_END)].decode(errors="surrogatepass")
        written, identity, *spoken = texts.split(_END.decode())
        return Entry(self.kind, written, tuple(spoken), weight, identity)

    def _followed_by(self, other: EntryList) -> EntryList:
        """Return the entries of both, which have no key in common."""
        made = EntryList(self.kind)
        made._blob = self._blob + other._blob
        made._starts = np.append(self._starts, other._starts[1:] + self._starts[-1])
        made._weights = np.append(self._weights, other._weights)
        made._needs = np.append(self._needs, other._needs)
        return made

    def _of(
        self, packed: Sequence[bytes], weights: NDArray[np.float64], needs: NDArray[np.uint32]
    ) -> EntryList:
        made = EntryList(self.kind)
        made._blob, made._starts = b"".join(packed), _starts(packed)
        made._weights, made._needs = weights, needs
        return made


class EntryLists(Sequence[Entry]):
    """The entries of several lists, one list after another; immutable."""

    def __init__(self, lists: Iterable[EntryList]) -> None:
        """Take lists of different kinds."""
        self.lists = tuple(lists)

    def __len__(self) -> int:
        return sum(map(len, self.lists))

    @overload
    def __getitem__(self, index: int) -> Entry: ...

    @overload
    def __getitem__(self, index: slice) -> list[Entry]: ...

    def __getitem__(self, index: int | slice) -> Entry | list[Entry]:
        """Return the entry at an index, or those of a slice."""
        if isinstance(index, slice):
            return [self[one] for one in range(*index.indices(len(self)))]
        for one in self.lists:
            if index < len(one):
                return one[index]
            index -= len(one)
        raise IndexError(index)

    def __iter__(self) -> Iterator[Entry]:
        return chain.from_iterable(self.lists)

    def __eq__(self, other: object) -> bool:
        return _equal(self, other)

    def __hash__(self) -> int:
        return hash(self.lists)


def fingerprints(entries: Sequence[Entry]) -> Hashes:
    """Return a hash of each entry, (entries,)."""
    if isinstance(entries, EntryLists):
        return np.concatenate([np.zeros(0, np.int64), *(one.fingerprints for one in entries.lists)])
    return np.fromiter(map(hash, entries), np.int64, len(entries))


def weights_and_kinds(
    entries: Sequence[Entry], number_of: Callable[[str], int]
) -> tuple[NDArray[np.float64], NDArray[np.intp]]:
    """Return the weight of each entry, and the number of its kind, (entries,) each."""
    if isinstance(entries, EntryLists):
        sizes = [len(one) for one in entries.lists]
        kinds = np.repeat(np.array([number_of(one.kind) for one in entries.lists], np.intp), sizes)
        return np.concatenate([np.zeros(0), *(one.weights for one in entries.lists)]), kinds
    weights = np.fromiter((entry.weight for entry in entries), np.float64, len(entries))
    numbers = (number_of(entry.kind) for entry in entries)
    return weights, np.fromiter(numbers, np.intp, len(entries))


def _equal(entries: Sequence[Entry], other: object) -> bool:
    if not isinstance(other, Sequence) or len(other) != len(entries):
        return False
    return all(one == another for one, another in zip(entries, other, strict=True))


def _packed_key(key: Key) -> bytes:
    return _BEGIN + b"".join(text.encode(errors="surrogatepass") + _END for text in key)


def _packed(entry: Entry) -> bytes:
    texts = "\0".join((entry.written, entry.id, *entry.spoken))
    return _BEGIN + texts.encode(errors="surrogatepass") + _END


def _starts(packed: Sequence[bytes]) -> NDArray[np.uint32]:
    starts = np.zeros(len(packed) + 1, np.uint32)
    np.cumsum(np.fromiter(map(len, packed), np.uint32, len(packed)), out=starts[1:])
    return starts


def _joined(first: Entry, second: Entry) -> Entry:
    spoken = tuple(dict.fromkeys((*first.spoken, *second.spoken)))
    return replace(first, spoken=spoken, weight=max(first.weight, second.weight))
