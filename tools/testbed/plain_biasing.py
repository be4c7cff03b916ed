"""Prepares names and their scores with plain Python objects, as a reference for tests.

The daemon keeps long lists of names in compact arrays and scores all pieces at once. Its results
must equal these.
"""

from __future__ import annotations

import math
from bisect import bisect_left
from collections.abc import Mapping, Sequence
from typing import NamedTuple

import numpy as np

from auricle.biasing import carrier_phrases
from auricle.biasing.biasing import BiasingOptions, Meaning
from auricle.biasing.context_graph import ContextGraph, ContextState
from auricle.biasing.respelling import Spellings
from auricle.biasing.sorted_texts import SortedTexts, Span
from auricle.biasing.spoken_forms import forms_of
from auricle.biasing.vocabulary import Vocabulary
from auricle.context.entries import Context
from auricle.tokenizer import WORD_START

_LAST = "\U0010ffff"  # sorts after every letter


class PlainGraph(ContextGraph):
    """The automaton of `ContextGraph` over a sorted tuple of Python strings.

    The transitions are those of `ContextGraph`; `tests/biasing/test_context_graph.py` checks them.
    What differs is how forms are found, and the precision of the bonuses.
    """

    forms: tuple[str, ...]  # type: ignore[assignment]  # each word after a WORD_START

    def __init__(self, bonuses: Mapping[str, Sequence[float]]) -> None:
        """Build the graph.

        Args:
            bonuses: bonus of each form at each place, in nats. A form is one or more words,
                separated by single spaces.
        """
        super().__init__(SortedTexts(), np.zeros((0, carrier_phrases.PLACES), np.float32))
        marked = {WORD_START + text.replace(" ", WORD_START): text for text in bonuses}
        self.forms = tuple(sorted(marked))
        rows = [bonuses[marked[form]] for form in self.forms]
        self._bonuses = np.array(rows, np.float64).reshape(-1, carrier_phrases.PLACES)
        self._letters = np.array([len(form) - 1 for form in self.forms], np.uint16)

    def span(self, prefix: str) -> Span:
        """Return the range of forms that begin with a prefix."""
        return Span(bisect_left(self.forms, prefix), bisect_left(self.forms, prefix + _LAST))

    def begins(self, prefix: str) -> bool:
        """Return whether a form begins with a prefix."""
        place = bisect_left(self.forms, prefix)
        return place < len(self.forms) and self.forms[place].startswith(prefix)

    def index(self, prefix: str) -> int | None:
        """Return the number of the form equal to a prefix; None if no form is."""
        place = bisect_left(self.forms, prefix)
        return place if place < len(self.forms) and self.forms[place] == prefix else None


def plain_row(
    graph: PlainGraph, state: ContextState, place: int, vocabulary: Vocabulary, scale: float
) -> list[float]:
    """Return the score change of each piece, one transition after another."""
    row = []
    for letters, starts, counts in zip(
        vocabulary.letters, vocabulary.starts, vocabulary.counts, strict=True
    ):
        after, earned = graph.advance(state, letters, starts=bool(starts), place=place)
        gain = earned + graph.pending_bonus(after) - graph.pending_bonus(state)
        row.append(scale * gain if counts else 0.0)
    return row


class PlainNames(NamedTuple):
    """The forms of a context."""

    meanings: dict[str, tuple[Meaning, ...]]
    bonuses: dict[str, list[float]]
    sounds: dict[str, set[str]]  # of each form, those of its likeliest meanings


def plain_names(
    context: Context,
    tokens: Vocabulary,
    common: frozenset[str],
    options: BiasingOptions,
    spellings: Spellings | None,
) -> PlainNames:
    """Return the meanings and bonuses of all forms, without context attention."""
    found: dict[str, list[Meaning]] = {}
    for entry in context.entries:
        for form in forms_of(entry, tokens.alphabet):
            found.setdefault(form.text, []).append(Meaning(entry, form.share))
    others: dict[str, list[Meaning]] = {}
    for form, meanings in found.items():
        favoured = [one for one in meanings if one.entry.weight]
        likely = spellings.of(form, options.spellings) if spellings and favoured else ()
        for text, likelihood in likely:
            if text not in found and text not in common:
                others.setdefault(text, []).extend(
                    Meaning(entry, options.respelled * likelihood**0.25 * share, form)
                    for entry, share, _ in favoured
                )
    meanings = {
        form: tuple(sorted(some, key=lambda one: -one.share * one.entry.weight))
        for form, some in (found | others).items()
    }
    bonuses = {
        form: plain_bonuses(form, some, common, options, len(context.entries))
        for form, some in meanings.items()
    }
    sounds = {
        form: {
            (one.written or form).removesuffix("'s")
            for one in some
            if one.share * one.entry.weight >= some[0].share * some[0].entry.weight - 1e-9
        }
        for form, some in meanings.items()
    }
    return PlainNames(meanings, bonuses, sounds)


def plain_bonuses(
    form: str,
    meanings: Sequence[Meaning],
    known: frozenset[str],
    options: BiasingOptions,
    names: int,
) -> list[float]:
    """Return the bonus of a form at each place, in nats."""
    words = form.split()
    rare = sum(len(word) for word in words if word not in known)
    common = len(form) - len(words) + 1 - rare
    letters = min(rare + options.common * common, options.longest)
    penalty = options.list_size_penalty * math.log(max(1, names))
    nats = max(0.0, options.letter * letters - penalty)
    best = meanings[0]
    elsewhere = 0.0 if form in known else nats * best.share * best.entry.weight
    bonuses = [elsewhere] * carrier_phrases.PLACES
    for entry, share, _ in meanings:
        place = carrier_phrases.of(entry.kind)
        if place != carrier_phrases.NOWHERE:
            bonuses[place] = max(bonuses[place], share * entry.weight * nats * options.expected)
    return bonuses
