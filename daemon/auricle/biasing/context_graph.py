"""The automaton of names: what a text earns while it is written, letter by letter or in pieces.

In: forms with what each is worth at each place, and pieces of a text in turn. Out: the state after
each, and what has been earned for good. A name earns a share of its worth on the way, all of it at
its end, and nothing if it is broken off; it begins where a word begins, ends where one ends, and
the longest that fits is taken. This is the automaton of Aho and Corasick ("Efficient string
matching", CACM 18(6), 1975) as shallow fusion uses it in Pundak et al., "Deep context" (SLT 2018),
and icefall's `context_graph.py`; but over letters, so that it serves any vocabulary of pieces and
any way to divide a name into them. Its states are prefixes of forms, found in their sorted list
when they are needed: building is sorting, and a step takes the time of a few bisections.
"""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Iterator, Mapping, Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from auricle.biasing import carrier_phrases
from auricle.tokenizer import WORD_START

_LAST = "\U0010ffff"  # sorts after every letter
_MANY = 1000  # names from which on their beginnings crowd each other
_CACHED = 65536  # values that are kept; computing them again is cheap


class ContextState(NamedTuple):
    """Where in the names a text stands; a value."""

    prefix: str = ""  # of a form, each word with the mark of its start; empty outside names
    begun: int = carrier_phrases.NOWHERE  # the place in which that name began


class Advance(NamedTuple):
    """What follows from a piece."""

    state: ContextState
    earned: float  # nats, for good


class Span(NamedTuple):
    """A part of the sorted forms."""

    low: int
    high: int  # not in it


class Match(NamedTuple):
    """A name in a text."""

    form: str
    first: int  # its first word
    last: int  # the word after its last
    place: int  # in which it stands
    nats: float  # that it earns


OUTSIDE = ContextState()


class ContextGraph:
    """Knows the forms; that it keeps what it has computed changes nothing."""

    def __init__(self, worth: Mapping[str, Sequence[float]]) -> None:
        """Take of each form, a word or more with single spaces, what it is worth at each place."""
        marked = {WORD_START + text.replace(" ", WORD_START): text for text in worth}
        self.forms = tuple(sorted(marked))
        rows = [worth[marked[form]] for form in self.forms]
        table = np.array(rows, np.float64).reshape(-1, carrier_phrases.PLACES)
        self._worth: NDArray[np.float64] = table.T
        self._lengths = np.array([len(form) - 1 for form in self.forms], np.float64)
        self._pending: dict[str, NDArray[np.float64]] = {}
        self._fallbacks: dict[ContextState, Advance] = {}

    @property
    def most(self) -> float:
        """Nats that one name earns at most."""
        return float(self._worth.max(initial=0.0))

    def span(self, prefix: str, within: Span | None = None) -> Span:
        """Return which forms begin with a prefix."""
        low, high = within or (0, len(self.forms))
        low = bisect_left(self.forms, prefix, low, high)
        return Span(low, bisect_left(self.forms, prefix + _LAST, low, high))

    def begins(self, prefix: str) -> bool:
        """Return whether a form begins with a prefix."""
        place = bisect_left(self.forms, prefix)
        return place < len(self.forms) and self.forms[place].startswith(prefix)

    def index(self, prefix: str) -> int | None:
        """Return the number of the form that a prefix is as a whole."""
        place = bisect_left(self.forms, prefix)
        return place if place < len(self.forms) and self.forms[place] == prefix else None

    def advance(self, state: ContextState, letters: str, *, starts: bool, place: int) -> Advance:
        """Return what follows from a piece.

        Args:
            state: before it.
            letters: of the piece, within one word; there may be none.
            starts: whether it starts a word. If none was in progress, that changes nothing.
            place: in which a name that begins with this piece would stand.
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
        """Return what is left of a name that does not go on: the next that may have begun in it.

        Args:
            state: within a name.
            at_start: whether the word in progress is complete.
        """
        form = self.index(state.prefix) if at_start else None
        if form is not None:
            return Advance(OUTSIDE, float(self._worth[state.begun, form]))
        return self._fall_back(state)

    def _fall_back(self, state: ContextState) -> Advance:
        """Return where one stands if what was read since the last complete name is read anew."""
        known = self._fallbacks.get(state)
        if known is None:
            if len(self._fallbacks) >= _CACHED:
                self._fallbacks = {}
            known = self._fallbacks[state] = self._read_anew(state)
        return known

    def _read_anew(self, state: ContextState) -> Advance:
        prefix, begun = state
        words = prefix[1:].split(WORD_START)
        complete, earned = 1, 0.0  # words that are not read anew: at least the first
        for count in range(len(words) - 1, 0, -1):
            form = self.index(WORD_START + WORD_START.join(words[:count]))
            if form is not None:
                complete, earned = count, float(self._worth[begun, form])
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
        """Return what is earned, in nats, if the text ends here."""
        earned = 0.0
        while state.prefix:
            state, more = self.fail(state, at_start=True)
            earned += more
        return earned

    def pending_bonus(self, state: ContextState) -> float:
        """Return what is pending on the way: it is taken back, or turned into what a name earns."""
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
        """Return what is earned if the text ends after a prefix (places,); see `finalize`."""
        if WORD_START in prefix[1:]:
            ends = [
                self.finalize(ContextState(prefix, place))
                for place in range(carrier_phrases.PLACES)
            ]
            return np.array(ends, np.float64)
        form = self.index(prefix)
        return self._worth[:, form] if form is not None else np.zeros(carrier_phrases.PLACES)

    def _on_the_way(self, prefix: str) -> NDArray[np.float64]:
        """Return what the best name that goes on from a prefix lends there (places,).

        It grows with the letters. Where many names begin alike, little is known yet, and it is
        less: the share of the choice among all names that has been made, in bits.
        """
        low, high = self.span(prefix)
        done = (len(prefix) - 1) / self._lengths[low:high]
        chosen = 1.0 - np.log(high - low) / np.log(max(len(self.forms), _MANY))
        shares = np.minimum(done, chosen)
        best: NDArray[np.float64] = (self._worth[:, low:high] * shares).max(axis=1)
        return best

    def matches(self, words: Sequence[str]) -> Iterator[Match]:
        """Yield the names in a text: the longest that fits each time, from left to right."""
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
        """Return the longest name that begins with a word of a text."""
        prefix, found = "", None
        for last in range(first, len(words)):
            prefix += WORD_START + words[last]
            if not self.begins(prefix):
                break
            form = self.index(prefix)
            if form is not None:
                nats = float(self._worth[place, form])
                found = Match(" ".join(words[first : last + 1]), first, last + 1, place, nats)
        return found
