"""Finds readings that say words twice which the audio contains once.

In: CTC's log probabilities and token sequences, and the texts of the readings. Out: for each
reading, whether it stutters. An attention decoder may repeat a sentence instead of ending it
("turn it on turn it on"), because nothing in it counts what it has read already. CTC can tell: it
must place every word in the audio. So a repetition is compared with the same text without it, and
the audio decides.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from itertools import islice

import numpy as np
from numpy.typing import NDArray

from auricle.recognizer.ctc_alignment import align

MOST_SHORTENED = 32  # shortened texts to compare with each reading


def stutters(
    log_probs: NDArray[np.float32],
    texts: Sequence[str],
    scores: Sequence[float],
    encode: Callable[[str], Sequence[int]],
) -> list[bool]:
    """Return for each text whether CTC prefers it without one of its repetitions.

    Args:
        log_probs: (frames, tokens) natural log, blank is token 0.
        texts: readings of the same audio.
        scores: score of each text's best alignment, natural log.
        encode: returns the tokens of a text, without blanks.
    """
    shorter = [list(islice(without_repetition(text.split()), MOST_SHORTENED)) for text in texts]
    every = [encode(" ".join(words)) for some in shorter for words in some]
    found = iter(align(log_probs, every) if every else ())
    return [
        any([alignment.score > score for alignment in islice(found, len(some))])
        for some, score in zip(shorter, scores, strict=True)
    ]


def without_repetition(words: Sequence[str]) -> Iterator[tuple[str, ...]]:
    """Yield the words without one of two equal groups, and without what lies between them.

    Between the groups there are fewer words than in one of them, so that two sentences that share
    a few words are no repetition. The longest groups come first, and no text comes twice.
    """
    seen: set[tuple[str, ...]] = set()
    words = tuple(words)
    for size in range(len(words) // 2, 0, -1):
        for first, second in _pairs(words, size):
            for begin, end in ((first, second), (first + size, second + size)):
                left = words[:begin] + words[end:]
                if left not in seen:
                    seen.add(left)
                    yield left


def _pairs(words: tuple[str, ...], size: int) -> Iterator[tuple[int, int]]:
    """Yield where two equal groups of `size` words begin, fewer than `size` words apart."""
    for first in range(len(words) - 2 * size + 1):
        group = words[first : first + size]
        for second in range(first + size, min(first + 2 * size, len(words) - size + 1)):
            if words[second : second + size] == group:
                yield first, second
