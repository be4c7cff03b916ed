"""The result of recognition: text, n-best list, words with confidences, names, and the lattice.

In: a lattice and, for a context, its `Biasing`. Out: a `Result`, an immutable value that the events
of a session carry.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from auricle.lattice.confidence import word_confidences

if TYPE_CHECKING:
    from auricle.lattice.lattice import Lattice

DECIMALS = 3  # of the times of words, in seconds


@dataclass(frozen=True, slots=True)
class Word:
    """One word of the best hypothesis."""

    word: str
    start: float  # seconds on the audio clock, to the millisecond
    end: float  # seconds on the audio clock, to the millisecond
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
    punctuated: str = ""  # the text with capitals and punctuation; empty without a second pass


def result_of(lattice: Lattice, count: int) -> Result:
    """Return the result of a lattice, without names.

    Args:
        lattice: lattice of an utterance.
        count: largest size of the n-best list.
    """
    paths = lattice.nbest(count)
    words = [arc for arc in paths[0].arcs if arc.word]
    confidences = word_confidences(lattice, paths[0])
    return Result(
        text=paths[0].text,
        nbest=tuple(Hypothesis(path.text, path.score) for path in paths),
        words=tuple(
            Word(arc.word, round(arc.start, DECIMALS), round(arc.end, DECIMALS), confidence)
            for arc, confidence in zip(words, confidences, strict=True)
        ),
        lattice=lattice,
    )
