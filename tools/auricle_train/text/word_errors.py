"""Word error rate and lost words with confidence intervals, after a shared normalisation.

In: pairs of reference and hypothesis. Out: word error rates with 95 % bootstrap intervals over
utterances (Bisani and Ney, ICASSP 2004), and shares of utterances with Wilson intervals.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import jiwer
import numpy as np

from auricle_train.text.normalizer import normalize

RESAMPLES = 2000
NORMAL_95 = 1.96  # standard deviations of a 95 % interval


@dataclass(frozen=True)
class Score:
    """Word errors of a set of utterances."""

    utterances: int
    words: int  # in the references
    rate: float  # errors / words
    low: float  # 95 % interval
    high: float

    def __str__(self) -> str:
        """Return it as a table shows it."""
        return f"{self.rate:.1%} [{self.low:.1%}, {self.high:.1%}]"


@dataclass(frozen=True)
class Share:
    """The share of utterances for which a condition is true."""

    count: int
    total: int
    rate: float  # count / total
    low: float  # 95 % interval
    high: float

    def __str__(self) -> str:
        """Return it as a table shows it."""
        return f"{self.rate:.1%} [{self.low:.1%}, {self.high:.1%}]"


@dataclass(frozen=True)
class Errors:
    """Errors in one utterance, by the alignment with the fewest errors."""

    errors: int  # substitutions, deletions and insertions
    words: int  # words in the reference
    first_lost: bool  # whether the first word of the reference was deleted
    last_lost: bool  # whether the last word of the reference was deleted


def compare(reference: str, hypothesis: str) -> Errors:
    """Return the errors of one utterance.

    Raises:
        ValueError: the reference has no words.
    """
    reference, hypothesis = normalize(reference), normalize(hypothesis)
    words = len(reference.split())
    if not words:
        raise ValueError("the reference has no words: exclude clips without speech")
    found = jiwer.process_words(reference, hypothesis)
    deleted = [chunk for chunk in found.alignments[0] if chunk.type == "delete"]
    return Errors(
        found.substitutions + found.deletions + found.insertions,
        words,
        any(chunk.ref_start_idx == 0 for chunk in deleted),
        any(chunk.ref_end_idx == words for chunk in deleted),
    )


def score(found: Sequence[Errors], seed: int = 0) -> Score:
    """Return the word error rate of at least one utterance."""
    counts = np.array([(one.errors, one.words) for one in found], np.float64)
    generator = np.random.default_rng(seed)
    drawn = generator.integers(0, len(counts), (RESAMPLES, len(counts)))
    sums = counts[drawn].sum(axis=1)
    low, high = np.percentile(sums[:, 0] / sums[:, 1], [2.5, 97.5])
    errors, words = counts.sum(axis=0)
    return Score(len(counts), int(words), float(errors / words), float(low), float(high))


def share(flags: Iterable[bool]) -> Share:
    """Return the share of true flags with Wilson's interval (JASA 1927), also valid near 0."""
    values = list(flags)
    count, total = sum(values), len(values)
    if not total:
        return Share(0, 0, 0.0, 0.0, 1.0)
    rate, square = count / total, NORMAL_95**2 / total
    spread = NORMAL_95 * math.sqrt(rate * (1.0 - rate) / total + square / total / 4.0)
    low, high = ((rate + square / 2.0 + side) / (1.0 + square) for side in (-spread, spread))
    return Share(count, total, rate, max(0.0, low), min(1.0, high))
