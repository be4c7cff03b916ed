"""The result of recognition: text, n-best list, words with confidences, names, and the lattice.

In: a lattice and, for a context, its `Biasing`. Out: a `Result`, an immutable value that the events
of a session carry.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from auricle.biasing.biasing import Biasing
from auricle.biasing.tagging import marked, names_in
from auricle.lattice.confidence import word_confidences
from auricle.lattice.lattice import Arc, Lattice


@dataclass(frozen=True, slots=True)
class Word:
    """One word of the best hypothesis."""

    word: str
    start: float  # seconds on the audio clock
    end: float  # seconds on the audio clock
    confidence: float  # posterior probability in the lattice, 0 to 1


@dataclass(frozen=True, slots=True)
class Hypothesis:
    """One reading of the utterance."""

    text: str
    score: float  # natural log probability, summed over alignments


@dataclass(frozen=True, slots=True)
class RecognizedName:
    """A name of the context in the best hypothesis."""

    kind: str  # kind of its entry
    written: str  # written form of its entry
    id: str  # id of its entry; may be empty
    start: float  # seconds on the audio clock
    end: float  # seconds on the audio clock


@dataclass(frozen=True, slots=True)
class Result:
    """The recognition result of an utterance up to one moment."""

    text: str  # the best hypothesis; empty if it has no words
    nbest: tuple[Hypothesis, ...]  # distinct texts, best first; nbest[0].text == text
    words: tuple[Word, ...]
    lattice: Lattice
    names: tuple[RecognizedName, ...] = ()  # in the order of their words


def result_of(lattice: Lattice, count: int, biasing: Biasing | None = None) -> Result:
    """Return the result of a lattice.

    Args:
        lattice: lattice of an utterance.
        count: largest size of the n-best list.
        biasing: names to tag; None keeps the tags that the arcs already have.
    """
    if biasing is not None:
        lattice = marked(lattice, biasing, count)
    paths = lattice.nbest(count)
    words = [arc for arc in paths[0].arcs if arc.word]
    confidences = word_confidences(lattice, paths[0])
    return Result(
        text=paths[0].text,
        nbest=tuple(Hypothesis(path.text, path.score) for path in paths),
        words=tuple(
            Word(arc.word, arc.start, arc.end, confidence)
            for arc, confidence in zip(words, confidences, strict=True)
        ),
        lattice=lattice,
        names=_names_of(words, biasing) if biasing is not None else (),
    )


def with_names(result: Result, biasing: Biasing | None) -> Result:
    """Return a result with its names tagged."""
    if biasing is None:
        return result
    return result_of(result.lattice, len(result.nbest), biasing)


def _names_of(arcs: Sequence[Arc], biasing: Biasing) -> tuple[RecognizedName, ...]:
    """Return the names on a path."""
    return tuple(
        RecognizedName(
            kind=found.entry.kind,
            written=found.entry.written,
            id=found.entry.id,
            start=arcs[found.first].start,
            end=arcs[found.last - 1].end,
        )
        for found in names_in([arc.word for arc in arcs], biasing)
    )
