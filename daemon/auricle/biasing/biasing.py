"""Names made ready for the recogniser: an immutable value, built away from its thread.

In: a context, the vocabularies of both passes, and how the first one writes what it does not know.
Out: a `Biasing`, which a session takes at its start and keeps to its end; None where there is
nothing to favour.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, NamedTuple

from auricle.biasing import carrier_phrases
from auricle.biasing.context_attention import ContextEncoder, Floats
from auricle.biasing.context_graph import ContextGraph
from auricle.biasing.respelling import Spellings
from auricle.biasing.scorer import BiasingScorer, SumScorer, TokenScorer
from auricle.biasing.shortlist import Keys, ShortlistOptions, keys_of
from auricle.biasing.spoken_forms import forms_of
from auricle.biasing.vocabulary import Vocabulary
from auricle.context.entries import Context, Entry
from auricle.errors import ArgumentError


@dataclass(frozen=True, slots=True, kw_only=True)
class BiasingOptions:
    """How much names are favoured; `tools/benchmarks/biasing.py` tells what that is good for."""

    factor: float = 1.0  # of all that follows: the owner's choice; 0: not at all
    letter: float = 1.4  # nats for each letter of a rare word
    common: float = 0.25  # share of that for each letter of a common word
    longest: int = 12  # letters beyond which a name earns no more
    list_size_penalty: float = 0.3  # nats less for each e-fold of the number of names
    expected: float = 1.5  # factor where a name of its kind is expected
    respelled: float = 0.5  # share that is due to another spelling; 0: there are none
    spellings: int = 3  # others of a form at most
    unseen: float = 0.85  # share that one of a thousand names earns which attention has not seen
    shortlist: ShortlistOptions | None = ShortlistOptions()  # None: attention is not asked

    def __post_init__(self) -> None:
        """Raise ArgumentError where a value is impossible."""
        for name in (
            "factor", "letter", "common", "longest", "list_size_penalty", "expected", "respelled",
            "spellings", "unseen",
        ):  # fmt: skip
            if not 0 <= getattr(self, name) < math.inf:
                raise ArgumentError(f"{name} must be 0 or more, not {getattr(self, name)}.")


class Meaning(NamedTuple):
    """What a form may stand for."""

    entry: Entry
    share: float  # of the favour that is due to the entry, 0 to 1
    written: str = ""  # the form of which this is another spelling, of as many words; or none


@dataclass(frozen=True, slots=True, eq=False)
class Biasing:
    """The names of a context, ready for the search."""

    graph: ContextGraph
    search: TokenScorer  # over the tokens of the first pass
    attention: BiasingScorer[Any] | None  # over the pieces of the second
    meanings: dict[str, tuple[Meaning, ...]] = field(repr=False)  # of each form, likeliest first
    common: frozenset[str] = field(repr=False)  # everyday words
    options: BiasingOptions = BiasingOptions()
    keys: Keys | None = field(default=None, repr=False)  # with which attention looks for them

    def meaning_of(self, form: str, place: int) -> Meaning | None:
        """Return what is meant by a form at a place; by an everyday word that is mostly nothing."""
        meanings = self.meanings[form]
        for meaning in meanings:
            if place != carrier_phrases.NOWHERE and carrier_phrases.of(meaning.entry.kind) == place:
                return meaning
        return None if form in self.common else meanings[0]

    def attended(self, best: Floats) -> Biasing:
        """Return the same, with more favour in the second pass for what attention has seen.

        Args:
            best: (keys,) float32, of each key the best score of any frame, nats.
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
        worth = _Worth(self.common, options, len(listed))
        seen = ContextGraph({
            form: [share * nats for nats in worth.of(form, self.meanings[form])]
            for form, share in listed.items()
        })  # fmt: skip
        return replace(self, attention=SumScorer(self.attention, self.attention.of(seen)))


def build(
    context: Context,
    tokens: Vocabulary,
    pieces: Vocabulary | None = None,
    options: BiasingOptions | None = None,
    spellings: Spellings | None = None,
    encoder: ContextEncoder | None = None,
) -> Biasing | None:
    """Return what favours the names of a context; may be called from any thread.

    Args:
        context: the names.
        tokens: the vocabulary of the first pass.
        pieces: that of the second, if there is one.
        options: how much names are favoured.
        spellings: how the recogniser writes what it does not know.
        encoder: of names, if the bundle has attention to them.
    """
    options = options or BiasingOptions()
    found: dict[str, list[Meaning]] = {}
    for entry in context.entries if options.factor else ():
        for form in forms_of(entry, tokens.alphabet):
            found.setdefault(form.text, []).append(Meaning(entry, form.share))
    if not found:
        return None
    common = (pieces or tokens).common_words
    if spellings is not None and options.respelled:
        found |= _respelled(found, spellings, common, options)
    meanings = {
        form: tuple(sorted(some, key=lambda one: -one.share * one.entry.weight))
        for form, some in found.items()
    }
    worth = _Worth(common, options, len(context.entries))
    keys = None
    if encoder is not None and pieces is not None and options.shortlist is not None:
        keys = keys_of({form: some[0].written or form for form, some in meanings.items()}, encoder)
    # One name of one is as likely as ever; the more there are, the more is left to attention.
    share = 1.0 if keys is None else options.unseen ** (math.log(len(context.entries), 1000))
    graph = ContextGraph({
        form: [share * nats for nats in worth.of(form, some)] for form, some in meanings.items()
    })  # fmt: skip
    steps = [TokenScorer(graph, one, options.factor) for one in (tokens, pieces) if one is not None]
    for one in steps:
        one.warm()
    return Biasing(
        graph=graph,
        search=steps[0],
        attention=steps[1] if pieces is not None else None,
        meanings=meanings,
        common=common,
        options=options,
        keys=keys,
    )


def _respelled(
    found: Mapping[str, Sequence[Meaning]],
    spellings: Spellings,
    common: frozenset[str],
    options: BiasingOptions,
) -> dict[str, list[Meaning]]:
    """Return what other spellings stand for; none is a form itself, or an everyday word."""
    others: dict[str, list[Meaning]] = {}
    for form, meanings in found.items():
        favoured = [one for one in meanings if one.entry.weight]
        for text, likelihood in spellings.of(form, options.spellings) if favoured else ():
            if text not in found and text not in common:
                others.setdefault(text, []).extend(
                    Meaning(entry, options.respelled * likelihood**0.25 * share, form)
                    for entry, share, _ in favoured
                )
    return others


class _Worth:
    """Knows what a form is worth at each place."""

    def __init__(self, common: frozenset[str], options: BiasingOptions, names: int) -> None:
        self._common = common
        self._options = options
        self._list_size_penalty = options.list_size_penalty * math.log(max(1, names))

    def of(self, form: str, meanings: Sequence[Meaning]) -> list[float]:
        """Return the nats that a form with these meanings, likeliest first, earns at each place.

        The longer and the rarer it is, the less likely is the recogniser to have learned it; the
        more names there are, the less likely is this one.
        """
        options, words = self._options, form.split()
        rare = sum(len(word) for word in words if word not in self._common)
        common = len(form) - len(words) + 1 - rare
        letters = min(rare + options.common * common, options.longest)
        nats = max(0.0, options.letter * letters - self._list_size_penalty)
        # One common word alone is said too often to be a name, unless one is expected.
        best = meanings[0]
        elsewhere = 0.0 if form in self._common else nats * best.share * best.entry.weight
        found = [elsewhere] * carrier_phrases.PLACES
        for entry, share, _ in meanings:
            place = carrier_phrases.of(entry.kind)
            if place != carrier_phrases.NOWHERE:
                found[place] = max(found[place], share * entry.weight * nats * options.expected)
        return found
