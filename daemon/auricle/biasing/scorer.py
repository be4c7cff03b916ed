"""Contextual biasing of a beam search: the score change of each piece by the names of a context.

In: the pieces so far, as a state. Out: the change in nats for every piece of the vocabulary at
once, and the state after a chosen piece. `TokenScorer` maps the pieces of one vocabulary to the
letters of a `ContextGraph`; `SumScorer` adds two of them.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple, Protocol, TypeVar

import numpy as np
from numpy.typing import NDArray

from auricle.biasing import carrier_phrases
from auricle.biasing.context_graph import OUTSIDE, ContextGraph, ContextState, encoded
from auricle.biasing.sorted_texts import Span
from auricle.biasing.vocabulary import LetterTree, Vocabulary
from auricle.tokenizer import WORD_START

Floats = NDArray[np.float32]
Where = TypeVar("Where")
_CACHED_ROWS = 128  # 18 MB for 35,000 pieces


# The first piece always starts a word, even without the mark of a word start.
BEGINNING = ContextState(WORD_START, carrier_phrases.NOWHERE)


class TokenScorerState(NamedTuple):
    """Everything about earlier pieces that the scores depend on."""

    graph_state: ContextState = BEGINNING
    word: str = ""  # letters of the word in progress
    place: int = carrier_phrases.NOWHERE  # place of that word

    @property
    def next_place(self) -> int:
        """Place of a word that begins with the next piece."""
        return carrier_phrases.after(self.place, self.word) if self.word else self.place


class BiasingScorer(Protocol[Where]):
    """Score changes by names, for the beam search of either pass."""

    def begin(self) -> Where:
        """Return the state before the first piece."""
        ...

    def row(self, state: Where) -> Floats:
        """Return the score change of each next piece (vocabulary,) float32, in nats.

        It is 0 for piece 0, which is blank or the end.
        """
        ...

    def step(self, state: Where, piece: int) -> Where:
        """Return the state after one more piece."""
        ...

    def end(self, state: Where) -> float:
        """Return the score change if the text ends here, in nats.

        The pending bonus of a match is subtracted and the bonus of a complete name added.
        """
        ...

    def of_text(self, text: str) -> float:
        """Return the bonus of a whole text in nats.

        Each name counts once, so that a looping attention decoder earns nothing by repetition.
        """
        ...

    def repeats(self, text: str) -> bool:
        """Return whether a text contains a name twice."""
        ...


class TokenScorer:
    """Implements `BiasingScorer` over one vocabulary; its cache does not change any result."""

    def __init__(self, graph: ContextGraph, vocabulary: Vocabulary, scale: float) -> None:
        """Join names and vocabulary.

        Args:
            graph: the names with their bonuses.
            vocabulary: pieces of one pass.
            scale: factor of all score changes.
        """
        self._graph = graph
        self._vocabulary = vocabulary
        self._scale = scale
        self._rows: dict[tuple[ContextState, int], Floats] = {}
        self._beginnings: dict[LetterTree, Floats] = {}

    def of(self, graph: ContextGraph) -> TokenScorer:
        """Return a scorer of other names over the same vocabulary."""
        return TokenScorer(graph, self._vocabulary, self._scale)

    @property
    def most(self) -> float:
        """The largest score change of a piece, in nats."""
        return self._scale * self._graph.most

    def _beginning(self, spelling: LetterTree) -> Floats:
        """Return the pending bonus of each piece at the beginning of a name, cached.

        Returns:
            (pieces, places) float32 for `spelling.numbers`; -1 if no name begins with the piece.
        """
        known = self._beginnings.get(spelling)
        if known is None:
            known = self._graph.initial_bonuses(spelling.texts)[spelling.rows]
            self._beginnings[spelling] = known
        return known

    def warm(self) -> None:
        """Compute the most expensive rows, which every utterance needs, in advance."""
        self._row(BEGINNING, carrier_phrases.NOWHERE)
        for place in range(carrier_phrases.PLACES):
            self._row(OUTSIDE, place)

    def begin(self) -> TokenScorerState:
        """See `BiasingScorer`."""
        return TokenScorerState()

    def row(self, state: TokenScorerState) -> Floats:
        """See `BiasingScorer`."""
        return self._row(state.graph_state, state.next_place)

    def step(self, state: TokenScorerState, piece: int) -> TokenScorerState:
        """See `BiasingScorer`."""
        letters, starts = self._vocabulary.letters[piece], bool(self._vocabulary.starts[piece])
        if not letters and not starts:
            return state
        place = state.next_place if starts else state.place
        advanced = self._graph.advance(state.graph_state, letters, starts=starts, place=place)
        return TokenScorerState(advanced.state, letters if starts else state.word + letters, place)

    def pending_bonus(self, state: TokenScorerState) -> float:
        """Return the pending bonus within the score, in nats."""
        return self._scale * self._graph.pending_bonus(state.graph_state)

    def end(self, state: TokenScorerState) -> float:
        """See `BiasingScorer`."""
        gain = self._graph.finalize(state.graph_state) - self._graph.pending_bonus(
            state.graph_state
        )
        return self._scale * gain

    def of_text(self, text: str) -> float:
        """See `BiasingScorer`."""
        once = {said.form: said.nats for said in self._graph.matches(text.split())}
        return self._scale * sum(once.values())

    def repeats(self, text: str) -> bool:
        """See `BiasingScorer`."""
        forms = [said.form for said in self._graph.matches(text.split())]
        return len(set(forms)) < len(forms)

    def _row(self, graph_state: ContextState, place: int) -> Floats:
        """Return the score change of each piece, cached.

        Args:
            graph_state: state of the context graph.
            place: place of a word that begins with the next piece.
        """
        known = self._rows.get((graph_state, place))
        if known is None:
            if len(self._rows) >= _CACHED_ROWS:
                self._rows = {}
                self.warm()
            starts, counts = self._vocabulary.starts, self._vocabulary.counts
            gains = np.where(starts, self._at_start(graph_state, place), self._within(graph_state))
            known = (self._scale * np.where(counts, gains, 0.0)).astype(np.float32)
            known.setflags(write=False)
            self._rows[graph_state, place] = known
        return known

    def _within(self, graph_state: ContextState) -> NDArray[np.float64]:
        """Return the score changes of pieces that continue the word in progress, unscaled."""
        if not graph_state.prefix:
            return np.zeros(len(self._vocabulary))
        left, earned = self._graph.fail(graph_state, at_start=False)
        row = self._within(left) + self._change(graph_state, left, earned)
        return self._set_continuations(row, graph_state, graph_state, self._vocabulary.inner)

    def _at_start(self, graph_state: ContextState, place: int) -> NDArray[np.float64]:
        """Return the score changes of pieces that start a word at a place, unscaled."""
        if not graph_state.prefix:
            row = np.zeros(len(self._vocabulary))
            initial = self._vocabulary.initial
            row[initial.numbers] = np.maximum(self._beginning(initial)[:, place], 0.0)
            return row
        whole = not graph_state.prefix.endswith(WORD_START)
        left, earned = self._graph.fail(graph_state, at_start=whole)
        row = self._at_start(left, place) + self._change(graph_state, left, earned)
        mark = WORD_START if whole else ""
        longer = ContextState(graph_state.prefix + mark, graph_state.begun)
        return self._set_continuations(row, graph_state, longer, self._vocabulary.initial)

    def _change(self, graph_state: ContextState, left: ContextState, earned: float) -> float:
        """Return the score change of a transition from `graph_state` to `left` by `fail`."""
        return earned + self._graph.pending_bonus(left) - self._graph.pending_bonus(graph_state)

    def _set_continuations(
        self,
        row: NDArray[np.float64],
        before: ContextState,
        longer: ContextState,
        spelling: LetterTree,
    ) -> NDArray[np.float64]:
        """Set the score changes of all pieces that continue a match; return the row.

        Args:
            row: (vocabulary,) score changes, changed in place.
            before: state before the piece.
            longer: the same with the mark of a word start, if the pieces start a word.
            spelling: letters of the pieces.
        """
        pending, place = self._graph.pending_bonus(before), longer.begun
        if longer.prefix == WORD_START:
            bonuses = self._beginning(spelling)[:, place]
            begun = bonuses >= 0.0
            row[spelling.numbers[begun]] = bonuses[begun] - pending
            return row
        for prefix, span, pieces in self._growing(longer.prefix, spelling):
            row[pieces] = self._graph.pending_bonuses(prefix, span)[place] - pending
        return row

    def _growing(self, prefix: str, spelling: LetterTree) -> Iterator[tuple[str, Span, list[int]]]:
        """Yield each prefix of a form that one more piece leads to.

        Yields:
            The prefix, its range of forms, and the pieces that lead to it.
        """
        growing = [("", self._graph.growing(prefix))]
        before = encoded(prefix)
        while growing:
            letters, some = growing.pop()
            if not some:
                continue
            if letters in spelling.pieces:
                yield prefix + letters, some.span, spelling.pieces[letters]
            growing += [
                (longer, some.narrowed(before + longer.encode()))
                for longer in (letters + one for one in spelling.following.get(letters, ""))
            ]


class StatePair(NamedTuple):
    """The states of both scorers."""

    first: TokenScorerState
    second: TokenScorerState


class SumScorer:
    """Implements `BiasingScorer` as the sum of two scorers."""

    def __init__(self, first: TokenScorer, second: TokenScorer) -> None:
        """Add two scorers over the same vocabulary."""
        self._first, self._second = first, second

    def begin(self) -> StatePair:
        """See `BiasingScorer`."""
        return StatePair(self._first.begin(), self._second.begin())

    def row(self, state: StatePair) -> Floats:
        """See `BiasingScorer`."""
        row: Floats = self._first.row(state.first) + self._second.row(state.second)
        return row

    def step(self, state: StatePair, piece: int) -> StatePair:
        """See `BiasingScorer`."""
        return StatePair(
            self._first.step(state.first, piece), self._second.step(state.second, piece)
        )

    def end(self, state: StatePair) -> float:
        """See `BiasingScorer`."""
        return self._first.end(state.first) + self._second.end(state.second)

    def of_text(self, text: str) -> float:
        """See `BiasingScorer`."""
        return self._first.of_text(text) + self._second.of_text(text)

    def repeats(self, text: str) -> bool:
        """See `BiasingScorer`."""
        return self._first.repeats(text) or self._second.repeats(text)
