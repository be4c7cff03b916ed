"""The word lattice: every reading of an utterance that the search kept, with scores and times.

In: arcs, each one word between two states. Out: the best path, the n best word sequences, the
posterior probability of each arc, and a smaller lattice. It knows nothing of how it was found.

States are numbered in topological order from 0, the start, to `final`. The reading "nothing was
said" is one arc without a word ("") from the start to the end, so that it keeps its score and
competes with the others.
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
_LARGEST = 1e9  # nats or seconds: no true value comes near, and sums stay finite
_ROUNDING = 1e-7  # nats: more than sums of scores are off by


@dataclass(frozen=True, slots=True)
class Arc:
    """One word between two states."""

    source: int
    target: int  # greater than source
    word: str  # without white space; empty only where nothing was said
    acoustic: float  # natural log score of the transducer
    graph: float  # natural log score of language model and context; 0 where there is none
    start: float  # seconds on the audio clock
    end: float  # seconds on the audio clock, at or after start
    entry: str | None = None  # id of the context entry that the word belongs to; may be empty
    kind: str | None = None  # of that entry; None: the word belongs to none

    @property
    def score(self) -> float:
        """Acoustic and graph score together, natural log."""
        return self.acoustic + self.graph


@dataclass(frozen=True, slots=True)
class Path:
    """One way through a lattice, from the start to the end."""

    arcs: tuple[Arc, ...]
    score: float  # sum of the scores of its arcs, natural log

    @property
    def words(self) -> tuple[str, ...]:
        """The words on the path; none where nothing was said."""
        return tuple(arc.word for arc in self.arcs if arc.word)

    @property
    def text(self) -> str:
        """The words with one space between them."""
        return " ".join(self.words)


@dataclass(frozen=True, slots=True)
class Lattice:
    """An acyclic graph of words, checked when it is made.

    Raises ArgumentError naming the field where the arcs are no such graph.
    """

    states: int  # 2 or more: 0 is the start, states - 1 the end
    arcs: tuple[Arc, ...]  # in the order of their sources

    def __post_init__(self) -> None:
        """Check what every algorithm here relies on."""
        # Each state but the start has an arc into it: that bounds what an untrusted lattice costs.
        if not 2 <= self.states <= len(self.arcs) + 1:
            raise ArgumentError(
                f"states must be 2 to the number of arcs plus 1 ({len(self.arcs) + 1}), "
                f"not {self.states}: give each state but the start an arc into it."
            )
        source = 0
        for index, arc in enumerate(self.arcs):
            self._check_ends(index, arc, source)
            _check_contents(index, arc)
            source = arc.source
        self._check_connected()

    def _check_ends(self, index: int, arc: Arc, least: int) -> None:
        """Raise ArgumentError where the states of an arc break the topological order."""
        if not least <= arc.source < arc.target < self.states:
            raise ArgumentError(
                f"arcs[{index}] must lead from source {arc.source} (here {least} or more, for arcs "
                f"stand in the order of their sources) to a greater target below "
                f"{self.states}, not {arc.target}."
            )
        if not arc.word and (arc.source, arc.target) != (0, self.final):
            raise ArgumentError(
                f"arcs[{index}].word may be empty only from the start to the end, "
                f"not from {arc.source} to {arc.target}: name the word."
            )

    def _check_connected(self) -> None:
        """Raise ArgumentError where a state lies on no path from the start to the end."""
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
        """The number of the last state."""
        return self.states - 1

    def best_path(self) -> Path:
        """Return the path of the highest score."""
        return next(self._by_score())

    def nbest(self, count: int) -> tuple[Path, ...]:
        """Return the best path of each of the `count` best distinct word sequences, best first."""
        if count < 1:
            raise ArgumentError(f"count of the n-best list must be 1 or more, not {count}.")
        return tuple(path for _, path in zip(range(count), self._by_score(), strict=False))

    def posteriors(self) -> NDArray[np.float64]:
        """Return the probability that the true path uses each arc: (arcs,) float64, 0 to 1."""
        before, after = self._before(log_add), self._after(log_add)
        logs = [before[arc.source] + arc.score + after[arc.target] for arc in self.arcs]
        return np.minimum(np.exp(np.array(logs, dtype=np.float64) - after[0]), 1.0)

    def prune(self, beam: float, most_arcs: int | None = None) -> Lattice:
        """Return the lattice of those arcs that lie on a path nearly as good as the best.

        Args:
            beam: nats by which the best path through an arc may fall behind the best path of all.
            most_arcs: if given, the beam is narrowed until no more arcs than this are left; the
                best path stays whatever it needs.

        The measure is that of Sixtus and Ortmanns, "High quality word graphs using
        forward-backward pruning" (ICASSP 1999).
        """
        if not beam >= 0:
            raise ArgumentError(f"beam of the lattice must be 0 or more nats, not {beam}.")
        behind = self._behind()
        if most_arcs is not None and len(behind) > most_arcs:
            beam = min(beam, sorted(behind)[most_arcs] - 2 * _ROUNDING)
        beam = max(beam, 0.0) + _ROUNDING
        near = [arc for arc, gap in zip(self.arcs, behind, strict=True) if gap <= beam]
        # With an arc goes its best path, but for rounding: what that cuts off is left out too.
        kept = _connected(near, self.final)
        number = {state: index for index, state in enumerate(_states_of(kept))}
        return Lattice(
            len(number),
            tuple(
                replace(arc, source=number[arc.source], target=number[arc.target]) for arc in kept
            ),
        )

    def _behind(self) -> list[float]:
        """Return for each arc how far its best path falls behind the best of all, nats."""
        before, after = self._before(max), self._after(max)
        return [
            after[0] - (before[arc.source] + arc.score + after[arc.target]) for arc in self.arcs
        ]

    def _before(self, add: Callable[[float, float], float]) -> list[float]:
        """Return for each state the scores of all paths from the start to it, added by `add`."""
        before = [0.0] + [MINUS_INFINITY] * self.final
        for arc in self.arcs:
            before[arc.target] = add(before[arc.target], before[arc.source] + arc.score)
        return before

    def _after(self, add: Callable[[float, float], float]) -> list[float]:
        """Return for each state the scores of all paths from it to the end, added by `add`."""
        after = [MINUS_INFINITY] * self.final + [0.0]
        for arc in reversed(self.arcs):
            after[arc.source] = add(after[arc.source], arc.score + after[arc.target])
        return after

    def _by_score(self) -> Iterator[Path]:
        """Yield the best path of each distinct word sequence, best first.

        A* over word sequences: an entry of the queue is one sequence of words with all the states
        that it may have led to (the lattice is determinized as far as it is needed), its promise
        the exact best score of any completion. After Mohri and Riley, "An efficient algorithm for
        the n-best-strings problem" (ICSLP 2002).
        """
        after = self._after(max)
        leaving: list[list[Arc]] = [[] for _ in range(self.states)]
        for arc in self.arcs:
            leaving[arc.source].append(arc)
        order = 0  # breaks ties, so that equal promises come in the order of their discovery
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
        """Return what each next word leads to; the end, where reached, is an own successor."""
        by_word: dict[tuple[str, bool], _Reached] = {}
        for state, (score, link) in reached.items():
            for arc in leaving[state]:
                # A sequence that may stop here and one that goes on are two readings.
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


# The states that one word sequence leads to, each with the best path there and its score.
_Reached = dict[int, tuple[float, _Link | None]]


def _trace(score: float, link: _Link | None) -> Path:
    """Return the path that ends with a link."""
    arcs = []
    while link is not None:
        arcs.append(link.arc)
        link = link.before
    return Path(tuple(reversed(arcs)), score)


def concatenate(lattices: Sequence[Lattice]) -> Lattice:
    """Return the lattice whose paths are a path of each lattice, one after the other.

    A lattice that says that nothing may have been said loses that reading, unless it is alone.
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
    """Return those arcs that lie on a path from state 0 to the last one."""
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
    """Return the states that arcs touch, in order."""
    return sorted({arc.source for arc in arcs} | {arc.target for arc in arcs})


def _check_contents(index: int, arc: Arc) -> None:
    """Raise ArgumentError where the word, the scores or the times of an arc are none."""
    # The value itself may be what somebody said, which has no place in a message.
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
            f"arcs[{index}].end must not come before its start of {arc.start} seconds, "
            f"but is {arc.end}."
        )
