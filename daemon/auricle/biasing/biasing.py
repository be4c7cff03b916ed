"""Prepares the names of a context for the recogniser.

In: a context, the vocabularies of both passes, and the rules for respelling names. Out: a
`Biasing`, or None without names. It is immutable and is built outside the inference thread. A
session takes one at its start and keeps it to its end.

`build` collects the ways to say each name (`spoken_forms`), adds the spellings that the first pass
is likely to write (`respelling`), gives each form a bonus in nats (`_Bonuses`), and builds a
`ContextGraph` with one scorer per pass. The bonuses are tuned with `tools/benchmarks/biasing.py`.
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


@dataclass(frozen=True, slots=True, eq=False)
class Biasing:
    """The names of a context, prepared for both passes."""

    graph: ContextGraph
    search: TokenScorer  # scorer for the first pass
    attention: BiasingScorer[Any] | None  # scorer for the second pass
    meanings: dict[str, tuple[Meaning, ...]] = field(repr=False)  # for each form, likeliest first
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
        shortlist = ContextGraph({
            form: [share * nats for nats in bonuses.of(form, self.meanings[form])]
            for form, share in listed.items()
        })  # fmt: skip
        return replace(self, attention=SumScorer(self.attention, self.attention.of(shortlist)))


def build(
    context: Context,
    tokens: Vocabulary,
    pieces: Vocabulary | None = None,
    options: BiasingOptions | None = None,
    spellings: Spellings | None = None,
    encoder: ContextEncoder | None = None,
) -> Biasing | None:
    """Prepare the names of a context; may be called from any thread.

    Args:
        context: the names.
        tokens: vocabulary of the first pass.
        pieces: vocabulary of the second pass; None without a second pass.
        options: how large the bonus of a name is; None: the defaults.
        spellings: rules for respelling names; None: no respelling.
        encoder: context encoder; None without context attention.

    Returns:
        None if there are no names or the factor is 0.
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
    bonuses = _Bonuses(common, options, len(context.entries))
    keys = None
    if encoder is not None and pieces is not None and options.shortlist is not None:
        keys = keys_of({form: some[0].written or form for form, some in meanings.items()}, encoder)
    # The longer the list, the smaller the bonus without the support of context attention.
    share = 1.0 if keys is None else options.unseen ** (math.log(len(context.entries), 1000))
    graph = ContextGraph({
        form: [share * nats for nats in bonuses.of(form, some)] for form, some in meanings.items()
    })  # fmt: skip
    scorers = [
        TokenScorer(graph, one, options.factor) for one in (tokens, pieces) if one is not None
    ]
    for scorer in scorers:
        scorer.warm()
    return Biasing(
        graph=graph,
        search=scorers[0],
        attention=scorers[1] if pieces is not None else None,
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
    """Return the meanings of other spellings, except those that are forms or common words."""
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
        self._list_size_penalty = options.list_size_penalty * math.log(max(1, names))

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
