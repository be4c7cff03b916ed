"""After which words commands end: counted in sentences, for `auricle.recognizer.endings`.

In: sentences. Out: the share of them that end after a word, and after two words where that says
more. A share that few sentences tell of is drawn towards what is known without it.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from itertools import chain

LEAST = 8  # times that words must be seen
DRAWN = 4.0  # sentences that what is known before counts for
TELLS = 0.02  # that the share after two words must differ from that after the last


def count(sentences: Iterable[str]) -> dict[str, float]:
    """Return the share of sentences that end after a word, or after two words."""
    split = [sentence.split() for sentence in sentences if sentence.strip()]
    seen, ended = Counter(chain.from_iterable(split)), Counter(words[-1] for words in split)
    usual = len(split) / max(1, seen.total())
    single = {
        word: (ended[word] + DRAWN * usual) / (number + DRAWN) for word, number in seen.items()
    }
    pairs = Counter(pair for words in split for pair in zip(words, words[1:], strict=False))
    last = Counter((words[-2], words[-1]) for words in split if len(words) > 1)
    double = {
        pair: (last[pair] + DRAWN * single[pair[1]]) / (number + DRAWN)
        for pair, number in pairs.items()
        if number >= LEAST
    }
    shares = {word: share for word, share in single.items() if seen[word] >= LEAST}
    shares |= {
        " ".join(pair): share
        for pair, share in double.items()
        if abs(share - single[pair[1]]) > TELLS
    }
    return dict(sorted(shares.items()))
