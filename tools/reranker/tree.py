"""Readings as one tree of tokens: what they begin with in common is there once.

In: sequences of tokens. Out: the nodes of the tree, what lies before each, and the edges whose
log probabilities make up the score of each sequence.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from reranker.vocabulary import BOUNDARY


@dataclass(frozen=True, slots=True, eq=False)
class Tree:
    """A tree of n nodes; node 0 is the beginning of the sentence."""

    tokens: NDArray[np.int64]  # (n,)
    depths: NDArray[np.int64]  # (n,) tokens before it
    before: NDArray[np.bool_]  # (n, n) whether a node (column) is on the way to another, or is it
    edges: NDArray[np.int64]  # (m, 2) a node and a token that comes after it
    paths: tuple[tuple[int, ...], ...]  # for each sequence its edges, the end of the sentence too

    def totals(self, scores: NDArray[np.float32]) -> list[float]:
        """Return the score of each sequence from those of the edges, (m,)."""
        return [float(scores[list(path)].sum()) for path in self.paths]


def grow(sequences: Sequence[Sequence[int]]) -> Tree:
    """Return the tree of sequences of tokens, without their bounds."""
    tokens, parents = [BOUNDARY], [0]
    children: dict[tuple[int, int], int] = {}
    edges: dict[tuple[int, int], int] = {}
    paths = []
    for sequence in sequences:
        node, path = 0, []
        for token in sequence:
            step = (node, token)
            path.append(edges.setdefault(step, len(edges)))
            if step not in children:
                children[step] = len(tokens)
                tokens.append(token)
                parents.append(node)
            node = children[step]
        path.append(edges.setdefault((node, BOUNDARY), len(edges)))
        paths.append(tuple(path))
    before = np.eye(len(tokens), dtype=np.bool_)
    for node in range(1, len(tokens)):  # parents come first
        before[node] |= before[parents[node]]
    return Tree(
        tokens=np.array(tokens),
        depths=before.sum(axis=1) - 1,
        before=before,
        edges=np.array(list(edges)),
        paths=tuple(paths),
    )
