"""What a recogniser says: words, hypotheses, and the lattice they come from."""

from __future__ import annotations

from dataclasses import dataclass

from auricle.recognizer.confidence import word_confidences
from auricle.recognizer.lattice import Lattice


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
class Result:
    """All that is known of an utterance at one moment."""

    text: str  # the best hypothesis; empty when nothing was said
    nbest: tuple[Hypothesis, ...]  # distinct texts, best first; nbest[0].text == text
    words: tuple[Word, ...]
    lattice: Lattice


def result_of(lattice: Lattice, count: int) -> Result:
    """Return what a lattice says, with at most `count` readings."""
    paths = lattice.nbest(count)
    words = [arc for arc in paths[0].arcs if arc.word]
    sureness = word_confidences(lattice, paths[0])
    return Result(
        text=paths[0].text,
        nbest=tuple(Hypothesis(path.text, path.score) for path in paths),
        words=tuple(
            Word(arc.word, arc.start, arc.end, confidence)
            for arc, confidence in zip(words, sureness, strict=True)
        ),
        lattice=lattice,
    )
