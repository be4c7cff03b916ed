"""How far two texts differ, in words and in letters.

In: normalised texts. Out: rates. Between teachers none is the reference, so the rate is over the
longer of the two: symmetric and at most 1.
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import combinations
from statistics import fmean

import jiwer


def error_rate(reference: str, text: str) -> float:
    """Return errors over words of the reference, which has at least one."""
    return float(jiwer.wer(reference, text))


def letter_error_rate(reference: str, text: str) -> float:
    """Return errors over letters of the reference, spaces left out: "k nine" is near "canine"."""
    return float(jiwer.cer(reference.replace(" ", ""), text.replace(" ", "")))


def difference(one: str, other: str) -> float:
    """Return errors over words of the longer text: 0 the same, 1 nothing in common."""
    shorter, longer = sorted((one, other), key=lambda text: len(text.split()))
    return error_rate(longer, shorter) if longer else 0.0


def disagreement(texts: Sequence[str]) -> float | None:
    """Return the mean difference over pairs; nothing when there are fewer than two texts."""
    pairs = list(combinations(texts, 2))
    return fmean(difference(*pair) for pair in pairs) if pairs else None
