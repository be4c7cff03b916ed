"""The word lattice: every reading of an utterance that the search kept, with scores and times.

In: arcs, each one word between two states. Out: the best path, the n-best word sequences, the
posterior probability of each arc, and a pruned lattice. The module does not depend on the
recogniser.

States are numbered in topological order from 0, the start, to `final`. The empty reading is a
single arc without a word ("") from the start to the end, so that it has a score and competes with
the other readings.
"""

from __future__ import annotations

import heapq
import math
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from auricle.errors import ArgumentError

MINUS_INFINITY = -math.inf
_LARGEST = 1e9  # nats or seconds: far above any real value, and sums stay finite
_ROUNDING = 1e-7  # nats: above the rounding error of sums of scores


@dataclass(frozen=True, slots=True)
class Arc:
    """One word between two states."""

    source: int
    target: int  # greater than source
    word: str  # without white space; empty only on the arc of the empty reading
    acoustic: float  # natural log acoustic score
    graph: float  # natural log score of language models and names; 0 without them
    start: float  # seconds on the audio clock
    end: float  # seconds on the audio clock, not before start
    entry: str | None = None  # id of the context entry of the name it belongs to; may be empty
    kind: str | None = None  # kind of that entry; None: the word is not part of a name

    @property
    def score(self) -> float:
        """Acoustic plus graph score, natural log."""
        return self.acoustic + self.graph


@dataclass(frozen=True, slots=True)
class Path:
    """One way through a lattice, from the start to the end."""

    arcs: tuple[Arc, ...]
    score: float  # sum of the scores of its arcs, natural log

    @property
    def words(self) -> tuple[str, ...]:
        """The words on the path; none for the empty reading."""
        return tuple(arc.word for arc in self.arcs if arc.word)

    @property
    def text(self) -> str:
        """The words, separated by single spaces."""
        return " ".join(self.words)


@dataclass(frozen=True, slots=True)
class Lattice:
    """An acyclic graph of words, validated on construction.

    Raises ArgumentError, with the name of the field, if the arcs do not form such a graph.
    """

    states: int  # 2 or more: 0 is the start, states - 1 the end
    arcs: tuple[Arc, ...]  # in the order of their sources

    def __post_init__(self) -> None:
        """Check what the algorithms of this module rely on."""
        # Each state but the start needs an arc into it. This bounds the cost of an untrusted
        # lattice.
        if not 2 <= self.states <= len(self.arcs) + 1:
            raise ArgumentError(
                f"states must be between 2 and the number of arcs plus 1 ({len(self.arcs) + 1}), "
                f"not {self.states}: give each state but the start an arc into it."
            )
        source = 0
        for index, arc in enumerate(self.arcs):
            self._check_ends(index, arc, source)
            _check_contents(index, arc)
            source = arc.source
        self._check_connected()

    def _check_ends(self, index: int, arc: Arc, least: int) -> None:
        """Raise ArgumentError if the states of an arc break the topological order."""
        if not least <= arc.source < arc.target < self.states:
            raise ArgumentError(
                f"arcs[{index}] leads from source {arc.source} to target {arc.target}: the source "
                f"must be {least} or more (arcs are in the order of their sources), the target "
                f"greater than the source and below {self.states}."
            )
        if not arc.word and (arc.source, arc.target) != (0, self.final):
            raise ArgumentError(
                f"arcs[{index}].word may be empty only on an arc from the start to the end, "
                f"not from {arc.source} to {arc.target}: name the word."
            )

    def _check_connected(self) -> None:
        """Raise ArgumentError if a state is not on a path from the start to the end."""
        entered = {arc.target for arc in self.arcs}
        left = {arc.source for arc in self.arcs}
        for state in range(self.states):
            if (state not in entered and state > 0) or (state not in left and state < self.final):
                raise ArgumentError(
                    f"arcs must lead into and out of each state between the start and the end, "
                    f"but state {state} is a dead end: leave it out."
                )

    @property
    def final(self) -> int:
        """The last state."""
        return self.states - 1

    def best_path(self) -> Path:
        """Return the path with the highest score."""
        return next(self._by_score())

    def nbest(self, count: int) -> tuple[Path, ...]:
        """Return the best path of each of the `count` best distinct word sequences, best first.

        Raises:
            ArgumentError: `count` is below 1.
        """
        if count < 1:
            raise ArgumentError(f"count of the n-best list must be 1 or more, not {count}.")
        return tuple(path for _, path in zip(range(count), self._by_score(), strict=False))

    def posteriors(self) -> NDArray[np.float64]:
        """Return the posterior probability of each arc: (arcs,) float64, 0 to 1."""
        before, after = self._before(log_add), self._after(log_add)
        logs = [before[arc.source] + arc.score + after[arc.target] for arc in self.arcs]
        return np.minimum(np.exp(np.array(logs, dtype=np.float64) - after[0]), 1.0)

    def prune(self, beam: float, most_arcs: int | None = None) -> Lattice:
        """Return the lattice of the arcs that lie on a path within a beam of the best path.

        The measure is that of Sixtus and Ortmanns, "High quality word graphs using
        forward-backward pruning" (ICASSP 1999).

        Args:
            beam: nats by which the best path through an arc may fall behind the best path of all.
            most_arcs: if given, the beam is narrowed until at most this number of arcs is left.
                The best path is always kept, even if it has more arcs.

        Raises:
            ArgumentError: `beam` is negative.
        """
        if not beam >= 0:
            raise ArgumentError(f"beam of the lattice must be 0 or more nats, not {beam}.")
        behind = self._behind()
        if most_arcs is not None and len(behind) > most_arcs:
            beam = min(beam, sorted(behind)[most_arcs] - 2 * _ROUNDING)
        beam = max(beam, 0.0) + _ROUNDING
        near = [arc for arc, gap in zip(self.arcs, behind, strict=True) if gap <= beam]
        # Rounding may drop an arc of another arc's best path; drop what that disconnects.
        kept = _connected(near, self.final)
        number = {state: index for index, state in enumerate(_states_of(kept))}
        return Lattice(
            len(number),
            tuple(
                replace(arc, source=number[arc.source], target=number[arc.target]) for arc in kept
            ),
        )

    def _behind(self) -> list[float]:
        """Return how far the best path through each arc falls behind the best of all, in nats."""
        before, after = self._before(max), self._after(max)
        return [
            after[0] - (before[arc.source] + arc.score + after[arc.target]) for arc in self.arcs
        ]

    def _before(self, add: Callable[[float, float], float]) -> list[float]:
        """Return the scores of all paths from the start to each state, combined by `add`."""
        before = [0.0] + [MINUS_INFINITY] * self.final
        for arc in self.arcs:
            before[arc.target] = add(before[arc.target], before[arc.source] + arc.score)
        return before

    def _after(self, add: Callable[[float, float], float]) -> list[float]:
        """Return the scores of all paths from each state to the end, combined by `add`."""
        after = [MINUS_INFINITY] * self.final + [0.0]
        for arc in reversed(self.arcs):
            after[arc.source] = add(after[arc.source], arc.score + after[arc.target])
        return after

    def _by_score(self) -> Iterator[Path]:
        """Yield the best path of each distinct word sequence, best first.

        A* over word sequences. An entry of the queue is one word sequence with all states that it
        may lead to, so the lattice is determinized on demand; its priority is the exact score of
        its best completion. After Mohri and Riley, "An efficient algorithm for the n-best-strings
        problem" (ICSLP 2002).
        """
        after = self._after(max)
        leaving: list[list[Arc]] = [[] for _ in range(self.states)]
        for arc in self.arcs:
            leaving[arc.source].append(arc)
        order = 0  # breaks ties in order of discovery
        queue: list[tuple[float, int, _Reached]] = [(-after[0], order, {0: (0.0, None)})]
        while queue:
            _, _, reached = heapq.heappop(queue)
            if self.final in reached and len(reached) == 1:
                yield _trace(*reached[self.final])
                continue
            for successor in self._successors(reached, leaving):
                order += 1
                promise = max(score + after[state] for state, (score, _) in successor.items())
                heapq.heappush(queue, (-promise, order, successor))

    def _successors(self, reached: _Reached, leaving: list[list[Arc]]) -> list[_Reached]:
        """Return the states that each next word leads to; the final state is separate."""
        by_word: dict[tuple[str, bool], _Reached] = {}
        for state, (score, link) in reached.items():
            for arc in leaving[state]:
                # A sequence that ends here and one that continues are two readings.
                ends = arc.target == self.final
                successor = by_word.setdefault((arc.word, ends), {})
                total = score + arc.score
                if arc.target not in successor or total > successor[arc.target][0]:
                    successor[arc.target] = (total, _Link(arc, link))
        return list(by_word.values())


@dataclass(frozen=True, slots=True)
class _Link:
    """The last arc of a path and the path before it."""

    arc: Arc
    before: _Link | None


# The states that one word sequence leads to, each with the score and last link of the best path.
_Reached = dict[int, tuple[float, _Link | None]]


def _trace(score: float, link: _Link | None) -> Path:
    """Return the path that ends with a link."""
    arcs = []
    while link is not None:
        arcs.append(link.arc)
        link = link.before
    return Path(tuple(reversed(arcs)), score)


def concatenate(lattices: Sequence[Lattice]) -> Lattice:
    """Return the lattice whose paths are the concatenated paths of all lattices.

    The empty reading of a lattice is dropped, unless there is only one lattice.
    """
    if len(lattices) == 1:
        return lattices[0]
    arcs: list[Arc] = []
    first = 0
    for lattice in lattices:
        arcs += [
            replace(arc, source=arc.source + first, target=arc.target + first)
            for arc in lattice.arcs
            if arc.word
        ]
        first += lattice.final
    return Lattice(first + 1, tuple(arcs))


def log_add(first: float, second: float) -> float:
    """Return log(exp(first) + exp(second)) without overflow; minus infinity is zero."""
    if first < second:
        first, second = second, first
    if second == MINUS_INFINITY:
        return first
    return first + math.log1p(math.exp(second - first))


def _connected(arcs: Sequence[Arc], final: int) -> list[Arc]:
    """Return the arcs that lie on a path from state 0 to the final state."""
    reached, left = {0}, {final}
    onward, kept = [], []
    for arc in arcs:
        if arc.source in reached:
            reached.add(arc.target)
            onward.append(arc)
    for arc in reversed(onward):
        if arc.target in left:
            left.add(arc.source)
            kept.append(arc)
    return kept[::-1]


def _states_of(arcs: Sequence[Arc]) -> list[int]:
    """Return the states of arcs in ascending order."""
    return sorted({arc.source for arc in arcs} | {arc.target for arc in arcs})


def _check_contents(index: int, arc: Arc) -> None:
    """Raise ArgumentError if the word, scores or times of an arc are invalid."""
    # A word is private speech and must not appear in the message.
    if not arc.word.isprintable() or any(map(str.isspace, arc.word)):
        raise ArgumentError(
            f"arcs[{index}].word must be one word of printable characters without white space."
        )
    for field in ("entry", "kind"):
        if not (getattr(arc, field) or "").isprintable():
            raise ArgumentError(f"arcs[{index}].{field} must hold printable characters only.")
    for field in ("acoustic", "graph", "start", "end"):
        value = getattr(arc, field)
        if not abs(value) <= _LARGEST:
            raise ArgumentError(
                f"arcs[{index}].{field} must be a number of at most {_LARGEST:g}, not {value}."
            )
    if arc.end < arc.start:
        raise ArgumentError(
            f"arcs[{index}].end must not be before its start at {arc.start} seconds, "
            f"but is {arc.end}."
        )
