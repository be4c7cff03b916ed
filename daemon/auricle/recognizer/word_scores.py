"""Word language-model scores of single tokens.

In: the tokens so far, as a `WordState`. Out: the score that each next token adds, for all tokens at
once, and the score that the end of the word in progress adds, natural log.

The word language model scores whole words, the search scores tokens. Within a word the score is a
look-ahead (Ortmanns, Eiden and Ney, "Improved lexical tree search", ICASSP 1998): the best log
probability of any word below the current node of the lexicon, given the words before. A token adds
the difference between the look-ahead of two nodes, and the end of the word adds the rest. So the
scores of a word's tokens and its end sum to the log probability of the word, whatever the
look-ahead.

A word that is not in the lexicon takes the "open path": it costs `entry` once, and each token adds
its log probability after the token before within a word, counted over the words of the lexicon. The
look-ahead of a node is at least the score of the open path to it, so no token adds more than 0.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from auricle.recognizer.lexicon import ROOT, Lexicon
from auricle.recognizer.word_model import WordModel
from auricle.recognizer.word_ngrams import BEGINNING, History
from auricle.tokenizer import BLANK, WORD_START

Floats = NDArray[np.float32]
ENTRY = -10.0  # nats: log probability that the next word is not in the lexicon
_SMOOTHING = 20.0  # weight of single tokens, in counts, when token pairs are smoothed
_CACHED_NODES = 500_000  # cached nodes with raised look-ahead: 4 MB
_CACHED_ROWS = 2048  # cached rows: 4 MB for 512 tokens
_LEAST = -16.0  # nats: floor of a backoff weight, which a file may set to any value


class WordState(NamedTuple):
    """Everything about earlier tokens that the scores depend on."""

    history: History  # last complete words
    node: int  # node of the lexicon; on the open path the negated last token


class _Raised(NamedTuple):
    """Nodes whose look-ahead is raised by the n-grams of a history; ascending."""

    nodes: NDArray[np.int32]  # (n,)
    scores: Floats  # (n,) their look-ahead by these n-grams, natural log


class _Row(NamedTuple):
    """The scores after a state."""

    gains: Floats  # (vocabulary,) score of each token
    end: float  # score of the end of the word in progress
    history: History  # history after that end


class WordScores:
    """Scores tokens by the word language model; its bounded caches do not change any result."""

    def __init__(self, model: WordModel, pieces: Sequence[str], entry: float = ENTRY) -> None:
        """Prepare the scores.

        Args:
            model: word language model for these pieces.
            pieces: vocabulary; token 0 is blank.
            entry: score of a word that is not in the lexicon, in addition to its tokens, in nats;
                below 0.
        """
        self._lexicon, self._ngrams, self._entry = model.lexicon, model.ngrams, entry
        starts = [piece.startswith(WORD_START) for piece in pieces]
        self.starts = np.array(starts)
        self._pairs = _pairs(self._lexicon, self.starts)
        self._open = self._open_scores()
        self._ahead = self._best_below()
        self._raised: dict[History, _Raised] = {}
        self._kept = 0
        self._rows: dict[WordState, _Row] = {}

    def initial_state(self) -> WordState:
        """Return the state before the first token."""
        return WordState(self._ngrams.step((), BEGINNING), ROOT)

    def step(self, state: WordState, token: int) -> WordState:
        """Return the state after one more token."""
        history, node = state
        if self.starts[token]:
            history, node = (self._row(state).history if node != ROOT else history), ROOT
        child = self._lexicon.child(node, token) if node >= ROOT else None
        return WordState(history, -token if child is None else child)

    def gains(self, state: WordState) -> Floats:
        """Return the score that each token adds (vocabulary,), natural log, <= 0; 0 for blank."""
        return self._row(state).gains

    def end(self, state: WordState) -> float:
        """Return the score that the end of the word in progress adds, natural log, <= 0."""
        return self._row(state).end

    def open_prefix(self, tokens: Sequence[int]) -> float:
        """Return the log probability that a word on the open path begins with these tokens."""
        before = (BLANK, *tokens[:-1])
        return sum(float(self._pairs[pair]) for pair in zip(before, tokens, strict=True))

    def open_word(self, tokens: Sequence[int]) -> float:
        """Return the log probability of a word on the open path, without `entry`."""
        return self.open_prefix(tokens) + float(self._pairs[tokens[-1], BLANK])

    def _row(self, state: WordState) -> _Row:
        """Return the scores after a state, cached."""
        row = self._rows.get(state)
        if row is None:
            row = self._make_row(state)
            if len(self._rows) >= _CACHED_ROWS:
                del self._rows[next(iter(self._rows))]
            self._rows[state] = row
        return row

    def _make_row(self, state: WordState) -> _Row:
        """Compute the scores after a state."""
        history, node = state
        after: History = ()
        if node < ROOT:
            gains, end = self._pairs[-node].copy(), float(self._pairs[-node, BLANK])
        else:
            gains, end, after = self._within(history, node)
        if node != ROOT:
            following = self._row(WordState(after, ROOT)).gains
            gains[self.starts] = np.float32(end) + following[self.starts]
        gains[BLANK] = 0.0
        gains.setflags(write=False)
        return _Row(gains, end, after)

    def _within(self, history: History, node: int) -> tuple[Floats, float, History]:
        """Return the scores after a node of the lexicon.

        Args:
            history: words before.
            node: node of the lexicon.

        Returns:
            The score of each token that continues the word, the score of the end of the word, and
            the history after that end.
        """
        lexicon = self._lexicon
        here = self._look_ahead_at(history, node) if node != ROOT else 0.0
        last = int(lexicon.tokens[node])
        left = self._entry + float(self._open[node]) - here
        gains = self._pairs[last] + np.float32(left)
        children = slice(int(lexicon.first[node]), int(lexicon.first[node + 1]))
        if children.start < children.stop:
            gains[lexicon.tokens[children]] = self._look_ahead(history, children) - np.float32(here)
        if node == ROOT:
            return gains, 0.0, history
        if not lexicon.ends[node]:
            return gains, left + float(self._pairs[last, BLANK]), ()
        word = int(lexicon.words[node]) + 1
        end = min(self._ngrams.log_prob(history, word) - here, 0.0)
        return gains, end, self._ngrams.step(history, word)

    def _look_ahead(self, history: History, nodes: slice) -> Floats:
        """Return the look-ahead of a range of nodes, without the root."""
        weight, raised = 0.0, []
        for length in range(len(history), 0, -1):
            known = self._raised_by(history[-length:])
            low, high = known.nodes.searchsorted((nodes.start, nodes.stop))
            if low < high:
                raised.append((known.nodes[low:high], known.scores[low:high] + np.float32(weight)))
            weight += self._backoff(history[-length:])
        found: Floats = self._ahead[nodes] + np.float32(weight)
        for some, scores in raised:
            places = some - nodes.start
            found[places] = np.maximum(found[places], scores)
        least = self._open[nodes] + np.float32(self._entry)
        held: Floats = np.minimum(np.maximum(found, least), np.float32(0.0))
        return held

    def _look_ahead_at(self, history: History, node: int) -> float:
        """Return the look-ahead of one node, not the root."""
        weight, found = 0.0, self._entry + float(self._open[node])
        for length in range(len(history), 0, -1):
            known = self._raised_by(history[-length:])
            place = int(known.nodes.searchsorted(node))
            if place < len(known.nodes) and int(known.nodes[place]) == node:
                found = max(found, float(known.scores[place]) + weight)
            weight += self._backoff(history[-length:])
        return min(max(found, float(self._ahead[node]) + weight), 0.0)

    def _backoff(self, history: History) -> float:
        """Return the log backoff weight of a history."""
        return max(self._ngrams.continuations(history).backoff, _LEAST)

    def _raised_by(self, history: History) -> _Raised:
        """Return the nodes on the way to the words that follow a history, cached."""
        known = self._raised.get(history)
        if known is None:
            known = self._raise(history)
            while self._raised and self._kept + len(known.nodes) > _CACHED_NODES:
                self._kept -= len(self._raised.pop(next(iter(self._raised))).nodes)
            self._raised[history] = known
            self._kept += len(known.nodes)
        return known

    def _raise(self, history: History) -> _Raised:
        """Return each node's best score among the words below it that follow a history."""
        words, scores, _ = self._ngrams.continuations(history)
        real = words > BEGINNING
        nodes, scores = self._lexicon.leaves[words[real] - 1], scores[real]
        all_nodes, all_scores = [], []
        while len(nodes):
            all_nodes.append(nodes)
            all_scores.append(scores)
            nodes = self._lexicon.parents[nodes]
            deeper = nodes != ROOT
            nodes, scores = nodes[deeper], scores[deeper]
        if not all_nodes:
            return _Raised(np.zeros(0, np.int32), np.zeros(0, np.float32))
        joined, heights = np.concatenate(all_nodes), np.concatenate(all_scores)
        order = joined.argsort(kind="stable")
        joined, heights = joined[order], heights[order]
        starts = np.flatnonzero(np.diff(joined, prepend=-1))
        return _Raised(joined[starts], np.maximum.reduceat(heights, starts))

    def _best_below(self) -> Floats:
        """Return the best unigram log probability among the words below each node: (nodes,)."""
        lexicon = self._lexicon
        best = np.full(len(lexicon.tokens), -np.inf, np.float32)
        best[lexicon.leaves] = self._ngrams.unigrams[1:]
        for level in lexicon.levels[:0:-1]:
            np.maximum.at(best, lexicon.parents[level], best[level])
        return best

    def _open_scores(self) -> Floats:
        """Return the open-path score of each node's tokens, without `entry`: (nodes,)."""
        lexicon = self._lexicon
        scores = np.zeros(len(lexicon.tokens), np.float32)
        for level in lexicon.levels[1:]:
            before = lexicon.parents[level]
            pairs = self._pairs[lexicon.tokens[before], lexicon.tokens[level]]
            scores[level] = scores[before] + pairs
        return scores


def _pairs(lexicon: Lexicon, starts: NDArray[np.bool_]) -> Floats:
    """Return the log probability of each token after each other token within a word.

    Returns:
        (vocabulary, vocabulary); row 0 is the start of a word, column 0 its end.
    """
    size, nodes = len(starts), len(lexicon.tokens)
    below = lexicon.ends.astype(np.float64)
    for level in lexicon.levels[:0:-1]:
        np.add.at(below, lexicon.parents[level], below[level])
    tokens = lexicon.tokens.astype(np.int64)
    pairs = tokens[lexicon.parents[1:]] * size + tokens[1:]
    counts = np.bincount(pairs, below[1:nodes], size * size).reshape(size, size)
    counts[:, BLANK] = np.bincount(tokens, lexicon.ends.astype(np.float64), size)
    counts[BLANK, BLANK] = 0.0
    single = counts.sum(axis=0) + 1.0
    initial, inner = np.where(starts, single, 1e-3), np.where(starts, 0.0, single)
    initial[BLANK] = 0.0
    smooth = np.tile(inner / inner.sum(), (size, 1))
    smooth[BLANK] = initial / initial.sum()
    probs = counts + _SMOOTHING * smooth
    with np.errstate(divide="ignore"):  # impossible pairs have probability 0
        found = np.log(probs / probs.sum(axis=1, keepdims=True))
    held: Floats = np.maximum(found, -50.0).astype(np.float32)
    return held
