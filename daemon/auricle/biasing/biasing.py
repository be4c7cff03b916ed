"""Prepares the names of a context for the recogniser.

In: a context, the vocabularies of both passes, and the rules for respelling names. Out: a
`Biasing`, or None without names. It is immutable and is built outside the inference thread. A
session takes one at its start and keeps it to its end.

`BiasingBuilder` keeps the ways to say each name, with the spellings that the first pass is likely
to write (`form_table`), gives each form a bonus in nats (`_Bonuses`), and builds a `ContextGraph`
with one scorer per pass. It works in slices, and after a change it computes only what changed. The
bonuses are tuned with `tools/benchmarks/biasing.py`.
"""

from __future__ import annotations

import math
import threading
import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import Any, NamedTuple, TypeAlias

import numpy as np
from numpy.typing import NDArray

from auricle.biasing import carrier_phrases
from auricle.biasing.context_attention import ContextEncoder, Floats
from auricle.biasing.context_graph import ContextGraph
from auricle.biasing.form_table import OWNED, FormRules, FormTable, Indices, Integers, best_by
from auricle.biasing.key_matrix import KeyMatrix, encode
from auricle.biasing.respelling import Spellings
from auricle.biasing.scorer import BiasingScorer, SumScorer, TokenScorer
from auricle.biasing.shortlist import Keys, ShortlistOptions
from auricle.biasing.spoken_forms import forms_of
from auricle.biasing.vocabulary import Vocabulary
from auricle.context.entries import Context, Entry
from auricle.context.entry_list import weights_and_kinds
from auricle.errors import ArgumentError

AT_ONCE = 128  # keys that are computed at once: about 40 ms
Bits: TypeAlias = NDArray[np.bool_]


@dataclass(frozen=True, slots=True, kw_only=True)
class BiasingOptions:
    """How large the bonus of a name is; measured with `tools/benchmarks/biasing.py`."""

    factor: float = 1.0  # scales all bonuses; the user's setting; 0: no biasing
    letter: float = 1.4  # nats per letter of a rare word
    common: float = 0.25  # share of `letter` per letter of a common word
    longest: int = 12  # letters above which the bonus does not grow
    list_size_penalty: float = 0.3  # nats subtracted per unit of ln(number of names)
    expected: float = 1.5  # factor at a place where names of its kind are expected
    respelled: float = 0.5  # share of the bonus for another spelling; 0: no other spellings
    spellings: int = 3  # most other spellings per form
    unseen: float = 0.85  # share without context attention's support, for a list of 1,000 names
    shortlist: ShortlistOptions | None = ShortlistOptions()  # None: no context attention

    def __post_init__(self) -> None:
        """Raise ArgumentError where a value is impossible."""
        for name in (
            "factor", "letter", "common", "longest", "list_size_penalty", "expected", "respelled",
            "spellings", "unseen",
        ):  # fmt: skip
            if not 0 <= getattr(self, name) < math.inf:
                raise ArgumentError(f"{name} must be 0 or more, not {getattr(self, name)}.")


class Meaning(NamedTuple):
    """A possible meaning of a form."""

    entry: Entry
    share: float  # share of the entry's bonus, 0 to 1
    written: str = ""  # if the form is a respelling: the original form, of as many words


class Meanings(Mapping[str, tuple[Meaning, ...]]):
    """The possible meanings of each form, likeliest first; made when they are looked up."""

    def __init__(
        self, table: FormTable, entries: Sequence[Entry], active: Bits, options: BiasingOptions
    ) -> None:
        """Take a table and its entries; `active`, (forms,), is true for the forms in use."""
        self._table = table
        self._entries = entries
        self._active = active
        self._options = options

    def __len__(self) -> int:
        return int(self._active.sum())

    def __iter__(self) -> Iterator[str]:
        return (
            form.decode()
            for form, here in zip(self._table.texts, self._active, strict=True)
            if here
        )

    def __getitem__(self, form: str) -> tuple[Meaning, ...]:
        place = self._table.texts.find(form.encode())
        if place < 0 or not self._active[place]:
            raise KeyError(form)
        found = self._of(place) or self._respelled(place)
        return tuple(sorted(found, key=lambda one: -one.share * one.entry.weight))

    def _of(self, place: int) -> list[Meaning]:
        return [
            Meaning(self._entries[entry], share) for entry, share in self._table.meanings_of(place)
        ]

    def _respelled(self, place: int) -> list[Meaning]:
        origins = self._table.origins_of(place)
        if len(origins) > 1:
            origins.sort(key=lambda one: self._order(one[0]))
        return [
            Meaning(
                meaning.entry,
                self._options.respelled * likelihood**0.25 * meaning.share,
                self._table.texts[origin].decode(),
            )
            for origin, likelihood in origins
            for meaning in self._of(origin)
            if meaning.entry.weight
        ]

    def _order(self, place: int) -> tuple[int, int]:
        """Return where a form first occurs: its entry, and its place among the entry's forms."""
        first = self._table.meanings_of(place)[0][0]
        forms = forms_of(self._entries[first], self._table.rules.letters)
        text = self._table.texts[place].decode()
        return first, next(rank for rank, form in enumerate(forms) if form.text == text)


@dataclass(frozen=True, slots=True, eq=False)
class Biasing:
    """The names of a context, prepared for both passes."""

    graph: ContextGraph
    search: TokenScorer  # scorer for the first pass
    attention: BiasingScorer[Any] | None  # scorer for the second pass
    meanings: Mapping[str, tuple[Meaning, ...]] = field(repr=False)  # of each form, likeliest first
    common: frozenset[str] = field(repr=False)  # common words of the vocabulary
    options: BiasingOptions = BiasingOptions()
    keys: Keys | None = field(default=None, repr=False)  # keys of context attention

    def meaning_of(self, form: str, place: int) -> Meaning | None:
        """Return the meaning of a form at a place.

        A common word means a name only at a place where a name of its kind is expected.
        """
        meanings = self.meanings[form]
        for meaning in meanings:
            if place != carrier_phrases.NOWHERE and carrier_phrases.of(meaning.entry.kind) == place:
                return meaning
        return None if form in self.common else meanings[0]

    def attended(self, best: Floats) -> Biasing:
        """Return a biasing with a larger second-pass bonus for names that attention has found.

        Args:
            best: (keys,) float32, best score of each key over all search frames, in nats.
        """
        options = self.options
        if (
            self.keys is None
            or options.shortlist is None
            or not isinstance(self.attention, TokenScorer)
        ):
            return self
        listed = {one.form: one.share for one in self.keys.listed(best, options.shortlist)}
        if not listed:
            return self
        bonuses = _Bonuses(self.common, options, len(listed))
        shortlist = ContextGraph.of({
            form: [share * nats for nats in bonuses.of(form, self.meanings[form])]
            for form, share in listed.items()
        })  # fmt: skip
        return replace(self, attention=SumScorer(self.attention, self.attention.of(shortlist)))


class BiasingBuilder:
    """Prepares contexts for one recogniser, one after another; may be used from any thread.

    It keeps what it computed for the latest context, and nothing of names that are gone.
    """

    def __init__(
        self,
        tokens: Vocabulary,
        pieces: Vocabulary | None = None,
        options: BiasingOptions | None = None,
        spellings: Spellings | None = None,
        encoder: ContextEncoder | None = None,
    ) -> None:
        """Start without names.

        Args:
            tokens: vocabulary of the first pass.
            pieces: vocabulary of the second pass; None without a second pass.
            options: how large the bonus of a name is; None: the defaults.
            spellings: rules for respelling names; None: no respelling.
            encoder: context encoder; None without context attention.
        """
        self._options = options or BiasingOptions()
        self._tokens = tokens
        self._pieces = pieces
        has_keys = pieces is not None and self._options.shortlist is not None
        self._encoder = encoder if has_keys else None
        self._common = (pieces or tokens).common_words
        self._rules = FormRules(
            letters=tokens.alphabet,
            common=self._common,
            spellings=spellings if self._options.respelled else None,
            most=self._options.spellings,
        )
        self._table = FormTable(self._rules)
        self._matrix = KeyMatrix()
        self._lock = threading.Lock()

    def build(self, context: Context) -> Biasing | None:
        """Return the biasing of a context; None if there are no names or the factor is 0."""
        *_, biasing = self.prepare(context)
        return biasing

    def prepare(self, context: Context) -> Iterator[Biasing | None]:
        """Yield the biasing of a context, each time at least as good as before.

        The first one may lack keys of context attention, of which ten thousand take seconds; the
        last one has them all. The same one may be yielded again. The caller may stop at any time.

        Raises:
            ModelError: the network of context attention cannot be run.
        """
        with self._lock:
            entries = context.entries if self._options.factor else ()
            self._table = self._table.updated(entries, _give_way)
            table, list_ = self._table, _List(self._table, entries, self._options)
            self._matrix, missing = self._known_keys(list_)
            biasing = self._biasing(table, list_)
            del list_  # it is large, and made again at the end
        yield biasing
        total = len(self._matrix) + len(missing)
        for first in range(0, len(missing), AT_ONCE):
            with self._lock:
                if self._table is not table:  # another context is being prepared
                    return
                self._encode(table, missing[first : first + AT_ONCE], total)
            yield biasing
        if len(missing):
            with self._lock:
                if self._table is not table:
                    return
                biasing = self._with_all_keys(biasing, _List(table, entries, self._options))
            yield biasing

    def _known_keys(self, list_: _List) -> tuple[KeyMatrix, Indices]:
        """Return the keys that a list already has, and one form for each missing key."""
        if self._encoder is None:
            return KeyMatrix(), np.zeros(0, np.intp)
        sounds, forms = list_.sounds
        numbers = self._matrix.numbers_of(sounds)
        keep = np.zeros(len(self._matrix), np.bool_)
        keep[numbers[numbers >= 0]] = True
        return self._matrix.kept(keep), forms[numbers < 0]

    def _encode(self, table: FormTable, forms: Indices, total: int) -> None:
        """Compute the keys of some forms."""
        if self._encoder is not None and len(forms):
            texts = [table.texts[form].decode().removesuffix(OWNED) for form in forms.tolist()]
            sounds = table.sounds[forms]
            self._matrix = encode(self._matrix, texts, sounds, self._encoder, total)

    def _with_all_keys(self, biasing: Biasing | None, list_: _List) -> Biasing | None:
        """Return the biasing of a list again, now that all keys are known."""
        if biasing is None or biasing.keys is None:
            return self._biasing(list_.table, list_)
        return replace(biasing, keys=list_.keys(self._matrix))

    def _biasing(self, table: FormTable, list_: _List) -> Biasing | None:
        """Return the biasing of a list, with the keys that are known; None without forms."""
        if not len(table):
            return None
        options, entries = self._options, list_.entries
        keys, share = None, 1.0
        if self._encoder is not None and 2 * len(self._matrix) >= len(list_.sounds[0]):
            keys = list_.keys(self._matrix)
            # The longer the list, the smaller the bonus without the support of context attention.
            share = options.unseen ** math.log(len(entries), 1000)
        forms, bonuses = table.texts, share * list_.bonuses(options)
        if not list_.active.all():
            forms, bonuses = forms.kept(list_.active), bonuses[list_.active]
        graph = ContextGraph(forms, bonuses.astype(np.float32))
        search = TokenScorer(graph, self._tokens, options.factor)
        attention = TokenScorer(graph, self._pieces, options.factor) if self._pieces else None
        for scorer in (search, attention):
            if scorer is not None:
                scorer.warm()
        graph.forms.release()
        return Biasing(
            graph=graph,
            search=search,
            attention=attention,
            meanings=Meanings(table, entries, list_.active, options),
            common=self._common,
            options=options,
            keys=keys,
        )


def build(
    context: Context,
    tokens: Vocabulary,
    pieces: Vocabulary | None = None,
    options: BiasingOptions | None = None,
    spellings: Spellings | None = None,
    encoder: ContextEncoder | None = None,
) -> Biasing | None:
    """Prepare the names of a single context; see `BiasingBuilder`."""
    return BiasingBuilder(tokens, pieces, options, spellings, encoder).build(context)


class _List:
    """A table with the weights and kinds of its entries."""

    def __init__(self, table: FormTable, entries: Sequence[Entry], options: BiasingOptions) -> None:
        self.table = table
        self.entries = entries
        forms, listed, shares = table.all_meanings()
        weights, places = weights_and_kinds(entries, carrier_phrases.of)
        worth, place_of = shares * weights[listed], places[listed]
        # The largest worth of each form for entries of each place.
        self._worth = np.zeros((len(table), carrier_phrases.PLACES))
        for place in np.unique(places):
            at_place = np.where(place_of == place, worth, 0.0)
            self._worth[:, place] = best_by(forms, at_place, len(table))
        favoured = self._worth.max(axis=1, initial=0.0)
        self._is_form = np.zeros(len(table), np.bool_)
        self._is_form[forms] = True
        respellings, origins = table.all_links()
        linked = ~self._is_form[respellings] & (favoured[origins] > 0)
        self._respellings, self._origins = respellings[linked], origins[linked]
        strength = (options.respelled * table.likelihoods**0.25)[linked]
        for place in np.unique(places):
            column = self._worth[:, place]
            respelled = best_by(self._respellings, strength * column[self._origins], len(table))
            np.maximum(column, respelled, out=column)
        self._strength = strength * favoured[self._origins]
        self.active = self._is_form.copy()
        self.active[self._respellings] = True

    @cached_property
    def sounds(self) -> tuple[Integers, Indices]:
        """The distinct sounds as hashes, and a form of each."""
        sounds, firsts, self._sound_of = np.unique(
            self.table.sounds[self._is_form], return_index=True, return_inverse=True
        )
        return sounds, np.flatnonzero(self._is_form)[firsts]

    def keys(self, matrix: KeyMatrix) -> Keys:
        """Return the key of each form, that of its likeliest meaning."""
        sounds, _ = self.sounds
        numbers = np.full(len(self.table), -1, np.int32)
        numbers[self._is_form] = matrix.numbers_of(sounds)[self._sound_of]
        numbers[self._respellings] = numbers[self._origins]
        # The likeliest link of a respelling comes last, so that it stays.
        several = np.zeros(len(self._respellings), np.bool_)
        several[1:] = self._respellings[1:] == self._respellings[:-1]
        several[:-1] |= several[1:]
        respellings, origins = self._respellings[several], self._origins[several]
        order = np.lexsort((self._strength[several], respellings))
        numbers[respellings[order]] = numbers[origins[order]]
        return Keys(matrix, self.table.texts, numbers)

    def bonuses(self, options: BiasingOptions) -> NDArray[np.float64]:
        """Return the bonus of each form at each place, (forms, places), as `_Bonuses.of` does."""
        table = self.table
        letters = np.minimum(table.rare + options.common * table.common, options.longest)
        nats = np.maximum(
            0.0, options.letter * letters - _list_size_penalty(options, len(self.entries))
        )
        elsewhere = np.where(table.is_common, 0.0, nats * self._worth.max(axis=1))
        found = self._worth * nats[:, np.newaxis] * options.expected
        found[:, carrier_phrases.NOWHERE] = 0.0
        return np.maximum(found, elsewhere[:, np.newaxis])


def _list_size_penalty(options: BiasingOptions, names: int) -> float:
    return options.list_size_penalty * math.log(max(1, names))


def _give_way() -> None:
    """Let other threads run."""
    time.sleep(0.0005)


class _Bonuses:
    """Computes the bonus of a form at each place.

    Args:
        common: common words.
        options: how large the bonus of a name is.
        names: number of names in the list.
    """

    def __init__(self, common: frozenset[str], options: BiasingOptions, names: int) -> None:
        self._common = common
        self._options = options
        self._list_size_penalty = _list_size_penalty(options, names)

    def of(self, form: str, meanings: Sequence[Meaning]) -> list[float]:
        """Return the bonus of a form at each place, in nats.

        It grows with the number of letters, mostly those of rare words, which the recogniser is
        least likely to have learned. It falls with the number of names in the list.

        Args:
            form: the form.
            meanings: its meanings, likeliest first.
        """
        options, words = self._options, form.split()
        rare = sum(len(word) for word in words if word not in self._common)
        common = len(form) - len(words) + 1 - rare
        letters = min(rare + options.common * common, options.longest)
        nats = max(0.0, options.letter * letters - self._list_size_penalty)
        # A single common word earns a bonus only at a place where such a name is expected.
        best = meanings[0]
        elsewhere = 0.0 if form in self._common else nats * best.share * best.entry.weight
        found = [elsewhere] * carrier_phrases.PLACES
        for entry, share, _ in meanings:
            place = carrier_phrases.of(entry.kind)
            if place != carrier_phrases.NOWHERE:
                found[place] = max(found[place], share * entry.weight * nats * options.expected)
        return found
