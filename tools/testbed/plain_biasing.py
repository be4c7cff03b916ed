"""The plain way to prepare names, with Python objects: what the compact one must agree with."""

from __future__ import annotations

import math
from bisect import bisect_left
from collections.abc import Iterator, Mapping, Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from auricle.biasing import carrier_phrases
from auricle.biasing.biasing import BiasingOptions, Meaning
from auricle.biasing.context_graph import OUTSIDE, Advance, ContextState, Match
from auricle.biasing.respelling import Spellings
from auricle.biasing.spoken_forms import forms_of
from auricle.biasing.vocabulary import Vocabulary
from auricle.context.entries import Context
from auricle.tokenizer import WORD_START

_LAST = "\U0010ffff"  # sorts after every letter
_MANY = 1000  # smallest list size by which shared prefixes are discounted
_CACHED = 65536


class Span(NamedTuple):
    """A range of the sorted forms."""

    low: int
    high: int  # excluded


class PlainGraph:
    """The same automaton as `ContextGraph`, over a sorted tuple of Python strings."""

    def __init__(self, bonuses: Mapping[str, Sequence[float]]) -> None:
        """Build the graph.

        Args:
            bonuses: bonus of each form at each place, in nats. A form is one or more words,
                separated by single spaces.
        """
        marked = {WORD_START + text.replace(" ", WORD_START): text for text in bonuses}
        self.forms = tuple(sorted(marked))
        rows = [bonuses[marked[form]] for form in self.forms]
        table = np.array(rows, np.float64).reshape(-1, carrier_phrases.PLACES)
        self._bonuses: NDArray[np.float64] = table.T
        self._lengths = np.array([len(form) - 1 for form in self.forms], np.float64)
        self._pending: dict[str, NDArray[np.float64]] = {}
        self._fallbacks: dict[ContextState, Advance] = {}

    @property
    def most(self) -> float:
        """The largest bonus of a name, in nats."""
        return float(self._bonuses.max(initial=0.0))

    def span(self, prefix: str, within: Span | None = None) -> Span:
        """Return the range of forms that begin with a prefix, within a range known to hold them."""
        low, high = within or (0, len(self.forms))
        low = bisect_left(self.forms, prefix, low, high)
        return Span(low, bisect_left(self.forms, prefix + _LAST, low, high))

    def begins(self, prefix: str) -> bool:
        """Return whether a form begins with a prefix."""
        place = bisect_left(self.forms, prefix)
        return place < len(self.forms) and self.forms[place].startswith(prefix)

    def index(self, prefix: str) -> int | None:
        """Return the number of the form equal to a prefix; None if no form is."""
        place = bisect_left(self.forms, prefix)
        return place if place < len(self.forms) and self.forms[place] == prefix else None

    def advance(self, state: ContextState, letters: str, *, starts: bool, place: int) -> Advance:
        """Return the transition by a piece.

        Args:
            state: state before the piece.
            letters: letters of the piece, all of one word; may be empty.
            starts: whether the piece starts a word.
            place: place of a name that begins with this piece.
        """
        earned = 0.0
        while True:
            prefix, begun = state
            if not prefix:
                opened = WORD_START + letters
                return Advance(
                    ContextState(opened, place) if starts and self.begins(opened) else OUTSIDE,
                    earned,
                )
            mark = WORD_START if starts and prefix[-1] != WORD_START else ""
            longer = prefix + mark + letters
            if self.begins(longer):
                return Advance(ContextState(longer, begun), earned)
            state, more = self.fail(state, at_start=bool(mark))
            earned += more

    def fail(self, state: ContextState, *, at_start: bool) -> Advance:
        """Return the transition when a match does not continue.

        If the matched prefix is a complete name, its bonus is earned. Otherwise the new state is
        that of the next name that may have begun within the prefix.

        Args:
            state: state within a match.
            at_start: whether the word in progress is complete.
        """
        form = self.index(state.prefix) if at_start else None
        if form is not None:
            return Advance(OUTSIDE, float(self._bonuses[state.begun, form]))
        return self._fall_back(state)

    def _fall_back(self, state: ContextState) -> Advance:
        """Return the transition of `_read_anew`, cached."""
        known = self._fallbacks.get(state)
        if known is None:
            if len(self._fallbacks) >= _CACHED:
                self._fallbacks = {}
            known = self._fallbacks[state] = self._read_anew(state)
        return known

    def _read_anew(self, state: ContextState) -> Advance:
        """Match the words after the longest complete name in the prefix, or after the first word.

        If the prefix begins with a complete name, its bonus is earned.
        """
        prefix, begun = state
        words = prefix[1:].split(WORD_START)
        complete, earned = 1, 0.0  # number of words to skip
        for count in range(len(words) - 1, 0, -1):
            form = self.index(WORD_START + WORD_START.join(words[:count]))
            if form is not None:
                complete, earned = count, float(self._bonuses[begun, form])
                break
        place = begun
        for word in words[:complete]:
            place = carrier_phrases.after(place, word)
        now = OUTSIDE
        for word in words[complete:]:
            now, more = self.advance(now, word, starts=True, place=place)
            earned += more
            place = carrier_phrases.after(place, word)
        return Advance(now, earned)

    def finalize(self, state: ContextState) -> float:
        """Return the bonus earned if the text ends here, in nats."""
        earned = 0.0
        while state.prefix:
            state, more = self.fail(state, at_start=True)
            earned += more
        return earned

    def pending_bonus(self, state: ContextState) -> float:
        """Return the pending bonus of a match in progress, in nats.

        It is a preview: the caller subtracts it when the match ends and adds what is earned.
        """
        if not state.prefix or not self.forms:
            return 0.0
        pending = self._pending.get(state.prefix)
        if pending is None:
            if len(self._pending) >= _CACHED:
                self._pending = {}
            pending = np.maximum(self._on_the_way(state.prefix), self._at_end(state.prefix))
            self._pending[state.prefix] = pending
        return float(pending[state.begun])

    def _at_end(self, prefix: str) -> NDArray[np.float64]:
        """Return the bonus earned if the text ends after a prefix, for each place (places,)."""
        if WORD_START in prefix[1:]:
            ends = [
                self.finalize(ContextState(prefix, place))
                for place in range(carrier_phrases.PLACES)
            ]
            return np.array(ends, np.float64)
        form = self.index(prefix)
        return self._bonuses[:, form] if form is not None else np.zeros(carrier_phrases.PLACES)

    def _on_the_way(self, prefix: str) -> NDArray[np.float64]:
        """Return the pending bonus of the best name with a prefix, for each place (places,).

        It is the name's bonus times the share of letters matched. If many names share the prefix
        it is less: at most the share, in bits, of the choice among all names that the prefix
        makes.
        """
        low, high = self.span(prefix)
        done = (len(prefix) - 1) / self._lengths[low:high]
        chosen = 1.0 - np.log(high - low) / np.log(max(len(self.forms), _MANY))
        shares = np.minimum(done, chosen)
        best: NDArray[np.float64] = (self._bonuses[:, low:high] * shares).max(axis=1)
        return best

    def matches(self, words: Sequence[str]) -> Iterator[Match]:
        """Yield the names in a text from left to right, the longest match each time."""
        place, first = carrier_phrases.NOWHERE, 0
        while first < len(words):
            found = self._longest(words, first, place)
            last = found.last if found else first + 1
            if found:
                yield found
            for word in words[first:last]:
                place = carrier_phrases.after(place, word)
            first = last

    def _longest(self, words: Sequence[str], first: int, place: int) -> Match | None:
        """Return the longest name that begins at word `first`; None if no name does."""
        prefix, found = "", None
        for last in range(first, len(words)):
            prefix += WORD_START + words[last]
            if not self.begins(prefix):
                break
            form = self.index(prefix)
            if form is not None:
                nats = float(self._bonuses[place, form])
                found = Match(" ".join(words[first : last + 1]), first, last + 1, place, nats)
        return found


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
