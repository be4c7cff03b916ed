"""Word error rate with its uncertainty, after one shared normalisation.

In: pairs of reference and hypothesis. Out: errors a hundred words, and the 95 % interval of a
bootstrap over utterances (Bisani and Ney, ICASSP 2004).
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass

import jiwer
import numpy as np

RESAMPLES = 2000


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
        return f"{self.rate:6.1%} [{self.low:.1%}, {self.high:.1%}]"


def normalize(text: str) -> str:
    """Return the text in lower case with nothing but letters, apostrophes and single spaces.

    Raises:
        ValueError: there is a digit in it; numbers must be spelled out, as they are spoken.
    """
    if re.search(r"\d", text):
        raise ValueError(f"{text!r} has digits: spell numbers out as they are spoken")
    return " ".join(re.sub(r"[^a-z' ]", " ", text.lower()).split())


def word_errors(reference: str, hypothesis: str) -> tuple[int, int]:
    """Return (errors, words of the reference) of one utterance."""
    reference, hypothesis = normalize(reference), normalize(hypothesis)
    found = jiwer.process_words(reference, hypothesis)
    return (
        found.substitutions + found.deletions + found.insertions,
        len(reference.split()),
    )


def score(pairs: Sequence[tuple[str, str]], seed: int = 0) -> Score:
    """Score (reference, hypothesis) pairs; references must not be empty."""
    counts = np.array([word_errors(*pair) for pair in pairs], np.float64)
    generator = np.random.default_rng(seed)
    drawn = generator.integers(0, len(counts), (RESAMPLES, len(counts)))
    sums = counts[drawn].sum(axis=1)
    low, high = np.percentile(sums[:, 0] / sums[:, 1], [2.5, 97.5])
    errors, words = counts.sum(axis=0)
    return Score(len(counts), int(words), float(errors / words), float(low), float(high))
