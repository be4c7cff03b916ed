"""Estimates n-gram models: modified Kneser-Ney, mixing, entropy pruning.

In: sequences of tokens. Out: an `Ngram` with the probabilities and backoffs of all kept n-grams.
Smoothing is that of Chen and Goodman, "An empirical study of smoothing techniques for language
modeling" (1999); pruning that of Stolcke, "Entropy-based pruning of backoff language models"
(cmp-lg/0006025), with relative frequencies of histories as Chelba et al. advise (2010).

An n-gram is one integer whose digits in base `vocabulary` are its tokens, oldest first. The history
of n-gram `key` is therefore `key // vocabulary`, and its suffix `key % vocabulary**(n-1)`. Token 0
is the start of a sentence. It appears in counts but is never predicted, and n-grams that start with
it are dropped unless `starts` is true. Sentence ends are not modelled, because the search does not
score them.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

Keys = NDArray[np.int64]
Floats = NDArray[np.float64]
START = 0
_LEAST = 1e-12  # minimum probability mass, against rounding errors


@dataclass(frozen=True)
class Level:
    """The n-grams of one length; natural logs."""

    keys: Keys  # (n,) ascending
    log_probs: Floats  # (n,)
    backoffs: Floats  # (n,) log backoff weight for unseen continuations
    shares: Floats  # (n,) relative frequency among all tokens


@dataclass(frozen=True)
class Ngram:
    """A backoff model; `levels[0]` holds every token, `levels[n - 1]` the n-grams."""

    vocabulary: int
    levels: tuple[Level, ...]

    @property
    def order(self) -> int:
        """The length of the longest n-grams."""
        return len(self.levels)

    @property
    def sizes(self) -> tuple[int, ...]:
        """Number of n-grams of each length."""
        return tuple(len(level.keys) for level in self.levels)

    def score(self, keys: Keys, length: int) -> Floats:
        """Return the log probability of the last token of each n-gram, with backoff if unseen."""
        level = self.levels[length - 1]
        if length == 1:
            return level.log_probs[keys]
        where, known = find(level.keys, keys)
        scores = pick(level.log_probs, where, known)
        unknown = keys[~known]
        history = self.levels[length - 2]
        weight = pick(history.backoffs, *find(history.keys, unknown // self.vocabulary))
        shorter = unknown % self.vocabulary ** (length - 1)
        scores[~known] = weight + self.score(shorter, length - 1)
        return scores


def find(keys: Keys, wanted: Keys) -> tuple[Keys, NDArray[np.bool_]]:
    """Return the positions of keys in an ascending list, and whether each is present."""
    where = np.searchsorted(keys, wanted)
    where[where == len(keys)] = 0
    known = keys[where] == wanted if len(keys) else np.zeros(len(wanted), bool)
    return where, known


def pick(values: Floats, where: Keys, known: NDArray[np.bool_]) -> Floats:
    """Return the values at positions, or 0 for unknown ones."""
    picked = np.zeros(len(where))
    picked[known] = values[where[known]]
    return picked


def windows(sentences: Sequence[Sequence[int]], vocabulary: int, length: int) -> tuple[Keys, Keys]:
    """Return all n-grams of sentences, and separately those at the start of sentences.

    Raises:
        ValueError: an n-gram does not fit into 63 bits.
    """
    if vocabulary**length >= 2**63:
        raise ValueError(f"order: {length} tokens of {vocabulary} do not fit into 63 bits")
    parts, first = [], []
    for sentence in sentences:
        tokens = np.array([START, *sentence], np.int64)
        if len(tokens) < length:
            continue
        keys = np.zeros(len(tokens) - length + 1, np.int64)
        for place in range(length):
            keys = keys * vocabulary + tokens[place : place + len(keys)]
        parts.append(keys)
        first.append(keys[0])
    nothing = np.zeros(0, np.int64)
    return np.concatenate([nothing, *parts]), np.array(first, np.int64)


def kneser_ney(
    sentences: Sequence[Sequence[int]],
    vocabulary: int,
    order: int,
    *,
    starts: bool = False,
    base: Floats | None = None,
) -> Ngram:
    """Return the interpolated modified Kneser-Ney model of sentences.

    Args:
        sentences: sentences of at least one token.
        vocabulary: number of tokens, including the start token.
        order: length of the longest n-grams.
        starts: whether to keep n-grams that start with the start token.
        base: (vocabulary,) probabilities below unigrams; None: uniform.
    """
    counted = [windows(sentences, vocabulary, length) for length in range(1, order + 1)]
    total = len(counted[0][0])
    keys, counts = np.unique(counted[-1][0], return_counts=True)
    types = [(keys, counts)]
    for length in range(order - 1, 0, -1):
        # Counts of shorter n-grams are numbers of distinct preceding tokens, except at starts.
        follows = types[0][0] % vocabulary**length
        keys, counts = np.unique(follows, return_counts=True)
        if length > 1:
            first, times = np.unique(counted[length - 1][1], return_counts=True)
            keys, counts = np.concatenate([keys, first]), np.concatenate([counts, times])
            rank = np.argsort(keys)
            keys, counts = keys[rank], counts[rank]
        types.insert(0, (keys, counts))
    if base is None:
        base = np.full(vocabulary, 1.0 / (vocabulary - 1))
    levels = [_tokens(*types[0], base)]
    for length in range(2, order + 1):
        levels[-1], level = _level(levels[-1], *types[length - 1], vocabulary, length)
        levels.append(level)
    for length, level in enumerate(levels, start=1):
        met, times = np.unique(counted[length - 1][0], return_counts=True)
        shares = pick(times / total, *find(met, level.keys))
        inside = (level.keys // vocabulary ** (length - 1) != START) | (length == 1) | starts
        backoffs = level.backoffs if starts else np.where(level.keys == START, 0.0, level.backoffs)
        levels[length - 1] = Level(
            level.keys[inside], level.log_probs[inside], backoffs[inside], shares[inside]
        )
    return Ngram(vocabulary, tuple(levels))


def _discounts(observed: Keys) -> Floats:
    """Return the discounts of counts 0, 1, 2, and 3 or more."""
    met = np.bincount(np.minimum(observed, 4), minlength=5).astype(np.float64)
    if met[1] == 0 or met[2] == 0:
        return np.array([0.0, 0.5, 0.5, 0.5])
    absolute = met[1] / (met[1] + 2 * met[2])
    counts = np.arange(1, 4)
    some = counts - (counts + 1) * absolute * met[2:] / np.maximum(met[1:4], 1)
    # Counts of text from templates can give estimates outside the valid range.
    return np.array([0.0, *np.clip(some, 0.1, 0.95 * counts)])


def _tokens(keys: Keys, counts: Keys, base: Floats) -> Level:
    """Return the unigrams; every token has a probability."""
    vocabulary = len(base)
    dense = np.zeros(vocabulary)
    dense[keys] = counts
    dense[START] = 0
    taken = _discounts(counts)[np.minimum(dense.astype(np.int64), 3)]
    probs = (dense - taken + taken.sum() * base) / dense.sum()
    probs[START] = 1.0
    log_probs = np.log(probs)
    log_probs[START] = -np.inf
    return Level(np.arange(vocabulary), log_probs, np.zeros(vocabulary), np.zeros(vocabulary))


def _level(
    shorter: Level, keys: Keys, counts: Keys, vocabulary: int, length: int
) -> tuple[Level, Level]:
    """Return the shorter n-grams with their backoffs, and the n-grams of this length."""
    where, _ = find(shorter.keys, keys // vocabulary)
    taken = _discounts(counts)[np.minimum(counts, 3)]
    size = len(shorter.keys)
    totals = np.bincount(where, counts, size)
    given = np.bincount(where, taken, size)
    below, _ = find(shorter.keys, keys % vocabulary ** (length - 1))
    share = given[where] / totals[where]
    probs = (counts - taken) / totals[where] + share * np.exp(shorter.log_probs[below])
    weights = np.divide(given, totals, out=np.ones(size), where=totals > 0)
    nothing = np.zeros(len(keys))
    level = Level(keys, np.log(probs), nothing, nothing)
    return replace(shorter, backoffs=np.log(weights)), level


def mix(models: Sequence[Ngram], weights: Sequence[float]) -> Ngram:
    """Return one model of all n-grams with linearly interpolated probabilities."""
    vocabulary = models[0].vocabulary
    levels = []
    for length in range(1, max(model.order for model in models) + 1):
        keys = np.unique(
            np.concatenate([m.levels[length - 1].keys for m in models if m.order >= length])
        )
        probs, shares = np.zeros(len(keys)), np.zeros(len(keys))
        for model, weight in zip(models, weights, strict=True):
            probs += weight * np.exp(model.score(keys, length))
            level = model.levels[length - 1]
            shares += weight * pick(level.shares, *find(level.keys, keys))
        with np.errstate(divide="ignore"):  # the start token is never predicted
            log_probs = np.log(probs)
        levels.append(Level(keys, log_probs, np.zeros(len(keys)), shares))
    return normalize(Ngram(vocabulary, tuple(levels)))


def normalize(model: Ngram) -> Ngram:
    """Return the model with backoffs for which the probabilities of each history sum to one."""
    for length in range(1, model.order):
        above, below, _ = _masses(model, length)
        level = replace(model.levels[length - 1], backoffs=np.log(above / below))
        levels = (*model.levels[: length - 1], level, *model.levels[length:])
        model = replace(model, levels=levels)
    return model


def _masses(model: Ngram, length: int) -> tuple[Floats, Floats, Floats]:
    """Return the probability mass left by the kept continuations of histories of a length.

    The backoffs of shorter histories must be correct.

    Returns:
        (n,) mass left at their own length, (n,) mass left at the length of the shorter history, and
        for each n-gram one token longer its probability after the shorter history.
    """
    level, longer = model.levels[length - 1], model.levels[length]
    size = len(level.keys)
    where, _ = find(level.keys, longer.keys // model.vocabulary)
    lower = np.exp(model.score(longer.keys % model.vocabulary**length, length))
    above = 1.0 - np.bincount(where, np.exp(longer.log_probs), size)
    below = 1.0 - np.bincount(where, lower, size)
    return np.maximum(above, _LEAST), np.maximum(below, _LEAST), lower


def prune(model: Ngram, threshold: float) -> Ngram:
    """Return the model without the n-grams whose removal changes it less than a threshold.

    Args:
        model: model with correct backoffs.
        threshold: relative entropy in nats per token; 0 keeps all n-grams that change the model.
    """
    levels = list(model.levels)
    for length in range(model.order, 1, -1):
        level, history = levels[length - 1], levels[length - 2]
        above, below, lower = _masses(model, length - 1)
        where, _ = find(history.keys, level.keys // model.vocabulary)
        probs, left = np.exp(level.log_probs), above[where]
        change = np.log((left + probs) / (below[where] + lower)) - np.log(left / below[where])
        weight = np.log(left / below[where])
        gain = level.log_probs - np.log(lower) - weight - change
        loss = history.shares[where] * (probs * gain - left * change)
        keep = loss >= threshold
        if length < model.order:
            needed, _ = find(level.keys, levels[length].keys // model.vocabulary)
            keep[needed] = True
        levels[length - 1] = Level(
            level.keys[keep], level.log_probs[keep], level.backoffs[keep], level.shares[keep]
        )
    return normalize(Ngram(model.vocabulary, tuple(levels)))
