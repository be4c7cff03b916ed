"""Word and letter error rates between texts.

In: normalised texts. Out: rates. Between two teachers, neither text is the reference, so errors are
divided by the length of the longer text; this rate is symmetric and at most 1.
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import combinations
from statistics import fmean

import jiwer


def error_rate(reference: str, text: str) -> float:
    """Return the word error rate; the reference has at least one word."""
    return float(jiwer.wer(reference, text))


def letter_error_rate(reference: str, text: str) -> float:
    """Return the letter error rate without spaces, so that "k nine" is near "canine"."""
    return float(jiwer.cer(reference.replace(" ", ""), text.replace(" ", "")))


def difference(one: str, other: str) -> float:
    """Return word errors divided by the length of the longer text, 0 to 1."""
    shorter, longer = sorted((one, other), key=lambda text: len(text.split()))
    return error_rate(longer, shorter) if longer else 0.0


def disagreement(texts: Sequence[str]) -> float | None:
    """Return the mean difference over all pairs; None for fewer than two texts."""
    pairs = list(combinations(texts, 2))
    return fmean(difference(*pair) for pair in pairs) if pairs else None
