"""Ranks the readings of lattices by what the recogniser and a language model say of them together.

In: questions of the wire schema. Out: for each the readings of its answer, best first. The score of
a reading is that of the lattice, and the language model's times a weight, and a reward a word: a
language model likes few words. Nothing is kept from one question to the next.
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

CONSIDERED = 32  # readings of a lattice that are judged


@dataclass(frozen=True, slots=True)
class Weights:
    """What counts for how much beside the lattice's own scores."""

    language: float = 0.2  # of the language model's log probability
    reward: float = 0.0  # nats a word


class Ranker:
    """Ranks many lattices at once; may be called from one thread at a time."""

    def __init__(self, language: Language, weights: Weights) -> None:
        """Take a language model, and weights that were tuned for it."""
        self._language = language
        self._weights = weights

    def rank(self, questions: Sequence[Question]) -> list[tuple[LatticeReading, ...]]:
        """Return the best readings of each question, best first, at least one."""
        lattices = [lattice_of(question).nbest(CONSIDERED) for question in questions]
        found = self._language.score([[path.words for path in paths] for paths in lattices])
        return [self._best(paths, scores) for paths, scores in zip(lattices, found, strict=True)]

    def _best(self, paths: Sequence[Path], scores: Sequence[float]) -> tuple[LatticeReading, ...]:
        """Return readings of one lattice, given what the language model says of the first ones."""
        totals = [
            path.score + self._weights.language * score + self._weights.reward * len(path.words)
            for path, score in zip(paths, scores, strict=False)
        ]
        ranked = sorted(zip(totals, paths, strict=False), key=lambda pair: -pair[0])
        if len(scores) < 2:  # too long to be judged: it stays as it is
            ranked = [(path.score, path) for path in paths]
        readings: list[LatticeReading] = []
        for total, path in ranked[:MOST_READINGS]:
            bounded = min(max(total, -MOST_READING_SCORE), MOST_READING_SCORE)
            try:
                readings.append(LatticeReading(path.text, round(bounded, 2)))
            except RefusedError:  # longer than an answer takes
                continue
        return tuple(readings)


def lattice_of(question: Question) -> Lattice:
    """Return the lattice in a question."""
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
