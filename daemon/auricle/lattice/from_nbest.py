"""Builds a lattice from an n-best list, such as that of the second pass.

In: readings with the times and scores of their words. Out: a lattice whose paths are exactly these
readings with their scores. Common beginnings share states and arcs.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from auricle.lattice.lattice import Arc, Lattice


@dataclass(frozen=True, slots=True)
class SpokenWord:
    """A word of a reading."""

    word: str
    start: float  # seconds on the audio clock
    end: float  # seconds on the audio clock
    graph: float  # natural log score of the word, given the words before it


@dataclass(frozen=True, slots=True)
class NbestReading:
    """One reading of an utterance."""

    words: tuple[SpokenWord, ...]  # at least one
    acoustic: float  # natural log acoustic score of the whole reading
    graph: float  # natural log graph score of the whole reading


def lattice_of(readings: Sequence[NbestReading]) -> Lattice:
    """Return the lattice of distinct readings, in any order.

    The scores along a path sum to those of its reading. The last arc of a path is not shared and
    carries the remainder.
    """
    states: dict[tuple[str, ...], int] = {(): 0}
    arcs: list[Arc] = []
    ends: list[tuple[int, SpokenWord, float, float]] = []
    for reading in readings:
        prefix: tuple[str, ...] = ()
        graph = 0.0
        shared = {arc.target: arc for arc in arcs}
        for word in reading.words[:-1]:
            source = states[prefix]
            prefix = (*prefix, word.word)
            if prefix not in states:
                states[prefix] = len(states)
                arcs.append(
                    Arc(source, states[prefix], word.word, 0.0, word.graph, word.start, word.end)
                )
                shared[states[prefix]] = arcs[-1]
            graph += shared[states[prefix]].graph
        ends.append((states[prefix], reading.words[-1], reading.acoustic, reading.graph - graph))
    final = len(states)
    arcs += [
        Arc(source, final, word.word, acoustic, graph, word.start, max(word.start, word.end))
        for source, word, acoustic, graph in ends
    ]
    return Lattice(final + 1, tuple(sorted(arcs, key=lambda arc: (arc.source, arc.target))))
