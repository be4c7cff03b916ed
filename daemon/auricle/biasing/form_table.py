"""The forms of all names of a list in arrays, kept up to date as the list changes.

In: the entries of a context, and before each change the table so far. Out: a table with every form
(way to say a name), the entries that it may mean, and the other spellings that the first pass may
write. Only what changed is computed anew, entry by entry; the rest is moved within arrays. A form
takes about 60 bytes; Python objects would take about 800.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from typing import TypeAlias, TypeVar

import numpy as np
from numpy.typing import NDArray

from auricle.biasing.respelling import Respelling, Spellings
from auricle.biasing.sorted_texts import SortedTexts
from auricle.biasing.spoken_forms import PART, WHOLE, forms_of
from auricle.context.entries import Entry
from auricle.context.entry_list import fingerprints

SLICE = 1000  # entries that are added at once: about 50 ms, and always in a worker thread
MOST_KNOWN = 8192  # words whose respellings are kept while a list is updated
OWNED = "'s"  # end of a possessive, which sounds like the name
_FORM = 33  # bits to the right of the form in a meaning
_LINK = 32  # bits to the right of the respelling in a link
Integers: TypeAlias = NDArray[np.int64]
Indices: TypeAlias = NDArray[np.intp]
Value = TypeVar("Value", np.uint16, np.bool_, np.int64)


@dataclass(frozen=True, slots=True)
class FormRules:
    """What the forms of an entry depend on."""

    letters: str  # letters that the recogniser writes
    common: frozenset[str]  # common words, which are no respellings
    spellings: Spellings | None = None  # None: no respellings
    most: int = 0  # most respellings of a form


def _no_integers() -> Integers:
    return np.zeros(0, np.int64)


@dataclass(frozen=True, slots=True, eq=False)
class FormTable:
    """All forms of a list; immutable. Indices of forms are positions in `texts`."""

    rules: FormRules
    texts: SortedTexts = field(default_factory=SortedTexts)
    # Of each form: letters of rare and of common words, and whether it is a common word itself.
    rare: NDArray[np.uint16] = field(default_factory=lambda: np.zeros(0, np.uint16))
    common: NDArray[np.uint16] = field(default_factory=lambda: np.zeros(0, np.uint16))
    is_common: NDArray[np.bool_] = field(default_factory=lambda: np.zeros(0, np.bool_))
    sounds: Integers = field(default_factory=_no_integers)  # hash of each form without `OWNED`
    meanings: Integers = field(default_factory=_no_integers)  # sorted; see `_meaning`
    links: Integers = field(default_factory=_no_integers)  # sorted: respelling, form
    likelihoods: NDArray[np.float64] = field(default_factory=lambda: np.zeros(0, np.float64))
    prints: Integers = field(default_factory=_no_integers)  # fingerprint of each entry

    def __len__(self) -> int:
        return len(self.texts)

    @property
    def size(self) -> int:
        """Size in memory."""
        arrays = (self.rare, self.common, self.is_common, self.sounds, self.meanings, self.links,
                  self.likelihoods, self.prints)  # fmt: skip
        return self.texts.size + sum(array.nbytes for array in arrays)

    def updated(
        self, entries: Sequence[Entry], rest: Callable[[], None] = lambda: None
    ) -> FormTable:
        """Return the table of a changed list.

        Args:
            entries: all entries of the list.
            rest: called after each slice of entries.
        """
        prints = fingerprints(entries)
        before, after = self._unchanged(prints)
        table = self._remapped(before, after, prints)
        added = np.delete(np.arange(len(prints)), after)
        # Entries with the same last word come one after another, so that it is respelled once.
        words = (hash(entries[index].written.rpartition(" ")[2]) for index in added.tolist())
        added = added[np.argsort(np.fromiter(words, np.int64, len(added)))]
        known: dict[str, tuple[Respelling, ...]] = {}
        for some in _slices(added.tolist()):
            table = table._with_entries([(index, entries[index]) for index in some], known)
            rest()
        return table

    def meanings_of(self, form: int) -> list[tuple[int, float]]:
        """Return the entries that a form may mean, each with the share of its bonus."""
        low, high = np.searchsorted(self.meanings, [form << _FORM, (form + 1) << _FORM])
        codes = (int(code) & ((1 << _FORM) - 1) for code in self.meanings[low:high])
        return [(code >> 1, PART if code & 1 else WHOLE) for code in codes]

    def origins_of(self, form: int) -> list[tuple[int, float]]:
        """Return the forms that a form respells, each with its likelihood."""
        low, high = np.searchsorted(self.links, [form << _LINK, (form + 1) << _LINK])
        origins = (int(link) & ((1 << _LINK) - 1) for link in self.links[low:high])
        return list(zip(origins, self.likelihoods[low:high].tolist(), strict=True))

    def all_meanings(self) -> tuple[Indices, Indices, NDArray[np.float64]]:
        """Return form, entry and share of all meanings, by form."""
        codes = self.meanings & ((1 << _FORM) - 1)
        return self.meanings >> _FORM, codes >> 1, np.where(codes & 1, PART, WHOLE)

    def all_links(self) -> tuple[Indices, Indices]:
        """Return respelling and form of all links, by respelling."""
        return self.links >> _LINK, self.links & ((1 << _LINK) - 1)

    def _unchanged(self, prints: Integers) -> tuple[Indices, Indices]:
        """Return the indices of the entries that stay, in this list and in the next one."""
        # A list with an entry twice is rare; it is read anew.
        if min(_distinct(self.prints) - len(self.prints), _distinct(prints) - len(prints)) < 0:
            return np.zeros(0, np.intp), np.zeros(0, np.intp)
        _, before, after = np.intersect1d(
            self.prints, prints, assume_unique=True, return_indices=True
        )
        return before, after

    def _remapped(self, before: Indices, after: Indices, prints: Integers) -> FormTable:
        """Return the table with only some of the entries, by their next indices."""
        if len(before) == len(self.prints) and np.array_equal(before, after):
            return replace(self, prints=prints)
        moved = np.full(len(self.prints), -1, np.int64)
        moved[before] = after
        codes = self.meanings & ((1 << _FORM) - 1)
        entries = moved[codes >> 1]
        stay = entries >= 0
        meanings = self.meanings >> _FORM << _FORM | entries << 1 | codes & 1
        return replace(self, prints=prints, meanings=np.sort(meanings[stay]))._without_unused()

    def _without_unused(self) -> FormTable:
        """Return the table without respellings of removed forms, and without removed forms."""
        has_meaning = self._has_meaning()
        respellings, origins = self.all_links()
        linked = has_meaning[origins]
        keep = has_meaning.copy()
        keep[respellings[linked]] = True
        if keep.all() and linked.all():
            return self
        moved = np.cumsum(keep) - 1
        codes = self.meanings & ((1 << _FORM) - 1)
        return FormTable(
            rules=self.rules,
            texts=self.texts.kept(keep),
            rare=self.rare[keep],
            common=self.common[keep],
            is_common=self.is_common[keep],
            sounds=self.sounds[keep],
            meanings=moved[self.meanings >> _FORM] << _FORM | codes,
            links=(moved[respellings] << _LINK | moved[origins])[linked],
            likelihoods=self.likelihoods[linked],
            prints=self.prints,
        )

    def _with_entries(
        self, entries: Iterable[tuple[int, Entry]], known: dict[str, tuple[Respelling, ...]]
    ) -> FormTable:
        """Return the table with more entries, each given with its index."""
        found: dict[str, list[int]] = {}
        for index, entry in entries:
            for form in forms_of(entry, self.rules.letters):
                found.setdefault(form.text, []).append(index << 1 | (form.share < WHOLE))
        respelled = self._respellings(found, known)
        named = sorted({*found, *(text for text, _, _ in respelled)})
        table, places = self._with_texts([text.encode() for text in named])
        place = dict(zip(named, places.tolist(), strict=True))
        meanings = [place[text] << _FORM | code for text, codes in found.items() for code in codes]
        links = [place[text] << _LINK | place[origin] for text, origin, _ in respelled]
        every = np.concatenate([table.links, np.array(links, np.int64)])
        likelihoods = [likelihood for _, _, likelihood in respelled]
        order = np.argsort(every, kind="stable")
        return replace(
            table,
            meanings=np.sort(np.concatenate([table.meanings, np.array(meanings, np.int64)])),
            links=every[order],
            likelihoods=np.concatenate([table.likelihoods, likelihoods])[order],
        )

    def _respellings(
        self, found: Iterable[str], known: dict[str, tuple[Respelling, ...]]
    ) -> list[tuple[str, str, float]]:
        """Return respelling, form and likelihood for the forms that had no meaning yet."""
        rules, respelled = self.rules, []
        if rules.spellings is None or not rules.most:
            return []
        if len(known) > MOST_KNOWN:
            known.clear()
        has_meaning = self._has_meaning()
        for form in found:
            place = self.texts.find(form.encode())
            if place < 0 or not has_meaning[place]:
                respelled += [
                    (text, form, likelihood)
                    for text, likelihood in rules.spellings.of(form, rules.most, known)
                    if text not in rules.common
                ]
        return respelled

    def _has_meaning(self) -> NDArray[np.bool_]:
        """Return whether each form has a meaning of its own, (forms,)."""
        has_meaning = np.zeros(len(self), np.bool_)
        has_meaning[self.meanings >> _FORM] = True
        return has_meaning

    def _with_texts(self, texts: list[bytes]) -> tuple[FormTable, Indices]:
        """Return the table with more texts, which have neither meanings nor links yet.

        Args:
            texts: sorted texts, which may be in the table already.

        Returns:
            The table, and the position of each of `texts` in it.
        """
        every, moved, places = self.texts.inserted(texts)
        fresh = np.ones(len(every), np.bool_)
        fresh[moved] = False
        columns = [
            self._described(text.decode())
            for text, is_new in zip(texts, fresh[places].tolist(), strict=True)
            if is_new
        ]
        rare, common, is_common, sounds = zip(*columns, strict=True) if columns else ((),) * 4
        codes = self.meanings & ((1 << _FORM) - 1)
        respellings, origins = self.all_links()
        table = FormTable(
            rules=self.rules,
            texts=every,
            rare=_merged(self.rare, moved, rare, fresh),
            common=_merged(self.common, moved, common, fresh),
            is_common=_merged(self.is_common, moved, is_common, fresh),
            sounds=_merged(self.sounds, moved, sounds, fresh),
            meanings=moved[self.meanings >> _FORM] << _FORM | codes,
            links=moved[respellings] << _LINK | moved[origins],
            likelihoods=self.likelihoods,
            prints=self.prints,
        )
        return table, places

    def _described(self, form: str) -> tuple[int, int, bool, int]:
        """Return what the columns `rare`, `common`, `is_common` and `sounds` have for a form."""
        known, rare, letters = self.rules.common, 0, 0
        for word in form.split(" "):
            letters += len(word)
            if word not in known:
                rare += len(word)
        return rare, letters - rare, form in known, hash(form.removesuffix(OWNED))


def best_by(groups: Indices, values: NDArray[np.float64], count: int) -> NDArray[np.float64]:
    """Return the largest value of each group, 0 for a group without values.

    Args:
        groups: (values,) group of each value, ascending.
        values: (values,) or (values, columns).
        count: number of groups.
    """
    best = np.zeros((count, *values.shape[1:]))
    if len(groups):
        firsts = np.flatnonzero(np.diff(groups, prepend=-1))
        best[groups[firsts]] = np.maximum.reduceat(values, firsts, axis=0)
    return best


def _merged(
    old: NDArray[Value], moved: Indices, new: Sequence[int], fresh: NDArray[np.bool_]
) -> NDArray[Value]:
    """Return a column with the values of new texts at the positions that are `fresh`."""
    column = np.empty(len(fresh), old.dtype)
    column[moved] = old
    column[fresh] = new
    return column


def _slices(indices: Sequence[int]) -> Iterator[Sequence[int]]:
    for first in range(0, len(indices), SLICE):
        yield indices[first : first + SLICE]


def _distinct(values: Integers) -> int:
    return len(np.unique(values))
