"""The context graph: the score that a text earns for the names in it, piece by piece.

In: the forms (ways to say the names) with the bonus of each at each place, then the pieces of a
text. Out: the state after each piece, and the bonus earned for complete names.

While a name is being matched it has a pending bonus, which grows with its letters. At its end the
full bonus is earned; if the match fails, the pending bonus is lost. A name begins and ends at a
word boundary, and the longest match wins. A "place" is a position in a command where names of one
kind are expected, see `carrier_phrases.py`.

This is the automaton of Aho and Corasick ("Efficient string matching", CACM 18(6), 1975) as used
for shallow fusion by Pundak et al., "Deep context" (SLT 2018), and by icefall's
`context_graph.py`. It differs in two ways. It works on letters, so it serves any vocabulary and any
segmentation of a name. And it is not built: a state is a prefix of a form, looked up in the sorted
forms (`sorted_texts.py`). Construction is a sort, and a step costs a few binary searches.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from auricle.biasing import carrier_phrases
from auricle.biasing.sorted_texts import Growing, Prefixes, SortedTexts, Span
from auricle.tokenizer import WORD_START

_MANY = 1000  # smallest list size by which shared prefixes are discounted
_CACHED = 8192  # cached values; computing them again is cheap


Floats = NDArray[np.float32]


class ContextState(NamedTuple):
    """State of the context graph after a text."""

    prefix: str = ""  # matched prefix of a form, each word after a WORD_START; empty: no match
    begun: int = carrier_phrases.NOWHERE  # place at which the match began


class Advance(NamedTuple):
    """Result of a transition."""

    state: ContextState
    earned: float  # bonus of names completed by it, in nats


class Match(NamedTuple):
    """A name found in a text."""

    form: str
    first: int  # index of its first word
    last: int  # index after its last word
    place: int  # place at which it begins
    nats: float  # its bonus


OUTSIDE = ContextState()


class ContextGraph:
    """The forms of a context with their bonuses; its caches do not change any result."""

    def __init__(self, forms: SortedTexts, bonuses: Floats) -> None:
        """Build the graph.

        Args:
            forms: the forms, each one or more words separated by single spaces.
            bonuses: (forms, places) float32, bonus of each form at each place, in nats.
        """
        self.forms = forms
        self._bonuses = bonuses
        self._letters = forms.letters()
        self._pending: dict[str, tuple[float, ...]] = {}
        self._fallbacks: dict[ContextState, Advance] = {}

    @classmethod
    def of(cls, bonuses: Mapping[str, Sequence[float]]) -> ContextGraph:
        """Return the graph of a few forms, with the bonus of each at each place, in nats."""
        rows_of = {form.encode(): row for form, row in bonuses.items()}
        forms = SortedTexts.of(rows_of)
        rows = [rows_of[form] for form in forms]
        return cls(forms, np.array(rows, np.float32).reshape(-1, carrier_phrases.PLACES))

    @property
    def most(self) -> float:
        """The largest bonus of a name, in nats."""
        return float(self._bonuses.max(initial=0.0))

    def span(self, prefix: str) -> Span:
        """Return the range of forms that begin with a prefix."""
        return self.forms.span(encoded(prefix))

    def growing(self, prefix: str) -> Growing:
        """Return the range of forms that begin with a prefix, to be narrowed."""
        return self.forms.growing(encoded(prefix))

    def begins(self, prefix: str) -> bool:
        """Return whether a form begins with a prefix."""
        return self.forms.begins(encoded(prefix))

    def index(self, prefix: str) -> int | None:
        """Return the number of the form equal to a prefix; None if no form is."""
        found = self.forms.find(encoded(prefix))
        return found if found >= 0 else None

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
            return Advance(OUTSIDE, float(self._bonuses[form, state.begun]))
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
                complete, earned = count, float(self._bonuses[form, begun])
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
        if not state.prefix or not len(self.forms):
            return 0.0
        return self.pending_bonuses(state.prefix)[state.begun]

    def pending_bonuses(self, prefix: str, span: Span | None = None) -> tuple[float, ...]:
        """Return the pending bonus of a prefix of a form at each place, in nats.

        Args:
            prefix: the prefix.
            span: its range of forms, if known.
        """
        pending = self._pending.get(prefix)
        if pending is None:
            if len(self._pending) >= _CACHED:
                self._pending = {}
            best = np.maximum(self._on_the_way(prefix, span), self._at_end(prefix))
            pending = self._pending[prefix] = tuple(best.tolist())
        return pending

    def initial_bonuses(self, texts: Prefixes) -> Floats:
        """Return the pending bonuses of many texts that may begin a form, all at once.

        Args:
            texts: texts of one word each.

        Returns:
            (texts, places) float32, in nats; -1 for a text that begins no form.
        """
        found = np.full((len(texts), carrier_phrases.PLACES), -1.0, np.float32)
        spans = self.forms.spans(texts)
        begun = np.flatnonzero(spans[:, 0] < spans[:, 1])
        sizes = texts.letters[begun]
        chosen = _chosen(spans[begun, 1] - spans[begun, 0], len(self.forms))
        for size in np.unique(sizes):
            # Ranges of prefixes of the same length do not overlap.
            rows = begun[sizes == size]
            order = np.argsort(spans[rows, 0])
            rows, share = rows[order], chosen[sizes == size][order]
            lows, highs = spans[rows].T
            counts = highs - lows
            firsts = np.cumsum(counts) - counts
            forms = np.repeat(lows - firsts, counts) + np.arange(counts.sum())
            shares = np.minimum(size / self._letters[forms], np.repeat(share, counts))
            bonuses = self._bonuses[forms]
            best = np.maximum.reduceat(bonuses * shares[:, np.newaxis], firsts, axis=0)
            # If the prefix is a form itself, that form is the first of its range.
            whole = self._letters[lows] == size
            best[whole] = np.maximum(best[whole], self._bonuses[lows[whole]])
            found[rows] = best
        return found

    def _at_end(self, prefix: str) -> NDArray[np.float64]:
        """Return the bonus earned if the text ends after a prefix, for each place (places,)."""
        if WORD_START in prefix[1:]:
            ends = [
                self.finalize(ContextState(prefix, place))
                for place in range(carrier_phrases.PLACES)
            ]
            return np.array(ends, np.float64)
        form = self.index(prefix)
        if form is None:
            return np.zeros(carrier_phrases.PLACES)
        bonuses: NDArray[np.float64] = self._bonuses[form].astype(np.float64)
        return bonuses

    def _on_the_way(self, prefix: str, span: Span | None) -> NDArray[np.float64]:
        """Return the pending bonus of the best name with a prefix, for each place (places,).

        It is the name's bonus times the share of letters matched. If many names share the prefix
        it is less: at most the share, in bits, of the choice among all names that the prefix
        makes.
        """
        low, high = span or self.span(prefix)
        done = (len(prefix) - 1) / self._letters[low:high]
        shares = np.minimum(done, _chosen(high - low, len(self.forms)))
        best: NDArray[np.float64] = (self._bonuses[low:high].T * shares).max(axis=1)
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
                nats = float(self._bonuses[form, place])
                found = Match(" ".join(words[first : last + 1]), first, last + 1, place, nats)
        return found


def encoded(prefix: str) -> bytes:
    """Return a prefix, which begins with a WORD_START, as the bytes that begin a form."""
    return prefix[1:].replace(WORD_START, " ").encode()


def _chosen(forms: NDArray[np.intp] | int, most: int) -> NDArray[np.float64]:
    """Return the share of the choice among `most` names that leaves `forms` of them."""
    shares: NDArray[np.float64] = 1.0 - np.log(forms) / np.log(max(most, _MANY))
    return shares
