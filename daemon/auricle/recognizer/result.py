"""What a recogniser says: words, hypotheses, and the lattice they come from."""

from __future__ import annotations

from dataclasses import dataclass

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
