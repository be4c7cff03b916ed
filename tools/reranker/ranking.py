"""Ranks the readings of lattices by recogniser and language model scores.

In: questions in the wire schema. Out: the readings of each answer, best first. The score of a
reading is its lattice score + weight * language model score + reward * words. The reward offsets
the language model's preference for short sentences. No state is kept between questions.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from auricle.errors import RefusedError
from auricle.lattice.lattice import Arc, Lattice, Path
from auricle.wire.schema import MOST_READING_SCORE, MOST_READINGS, LatticeReading, Question

if TYPE_CHECKING:
    from reranker.language_model import Language

CONSIDERED = 32  # best readings of a lattice that are rescored


@dataclass(frozen=True, slots=True)
class Weights:
    """Weights of the scores that are added to the lattice score."""

    language: float = 0.2  # weight of the language model's log probability
    reward: float = 0.0  # nats per word


class Ranker:
    """Ranks many lattices at once; call it from one thread at a time."""

    def __init__(self, language: Language, weights: Weights) -> None:
        """Store a language model and the weights tuned for it."""
        self._language = language
        self._weights = weights

    def rank(self, questions: Sequence[Question]) -> list[tuple[LatticeReading, ...]]:
        """Return the best readings of each question, best first; at least one each."""
        lattices = [lattice_of(question).nbest(CONSIDERED) for question in questions]
        found = self._language.score([[path.words for path in paths] for paths in lattices])
        return [self._best(paths, scores) for paths, scores in zip(lattices, found, strict=True)]

    def _best(self, paths: Sequence[Path], scores: Sequence[float]) -> tuple[LatticeReading, ...]:
        """Return the ranked readings of one lattice; `scores` covers the first paths."""
        totals = [
            path.score + self._weights.language * score + self._weights.reward * len(path.words)
            for path, score in zip(paths, scores, strict=False)
        ]
        ranked = sorted(zip(totals, paths, strict=False), key=lambda pair: -pair[0])
        if len(scores) < 2:  # too long for the language model: keep the lattice's order
            ranked = [(path.score, path) for path in paths]
        readings: list[LatticeReading] = []
        for total, path in ranked[:MOST_READINGS]:
            bounded = min(max(total, -MOST_READING_SCORE), MOST_READING_SCORE)
            try:
                readings.append(LatticeReading(path.text, round(bounded, 2)))
            except RefusedError:  # too long for an answer
                continue
        return tuple(readings)


def lattice_of(question: Question) -> Lattice:
    """Return the lattice of a question."""
    return Lattice(
        question.final + 1,
        tuple(
            Arc(
                source=arc.source,
                target=arc.target,
                word=question.words[arc.word],
                acoustic=arc.score / 10,
                graph=0.0,
                start=arc.start / 10,
                end=(arc.start + arc.duration) / 10,
            )
            for arc in question.arcs
        ),
    )
