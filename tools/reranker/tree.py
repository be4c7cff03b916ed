"""Prefix trees of token sequences, in which each common prefix occurs once.

In: sequences of tokens. Out: the nodes of the tree, their ancestors, and the edges; the score of a
sequence is the sum of the log probabilities of its edges.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from reranker.vocabulary import BOUNDARY


@dataclass(frozen=True, slots=True, eq=False)
class Tree:
    """A tree of n nodes; node 0 is the start of the sentence."""

    tokens: NDArray[np.int64]  # (n,) token of each node
    depths: NDArray[np.int64]  # (n,) number of ancestors
    before: NDArray[np.bool_]  # (n, n) whether the column's node is the row's or its ancestor
    edges: NDArray[np.int64]  # (m, 2) a node and a token that follows it
    paths: tuple[tuple[int, ...], ...]  # edges of each sequence, including the end of the sentence

    def totals(self, scores: NDArray[np.float32]) -> list[float]:
        """Return the score of each sequence, given the scores of the edges, (m,)."""
        return [float(scores[list(path)].sum()) for path in self.paths]


def grow(sequences: Sequence[Sequence[int]]) -> Tree:
    """Return the tree of token sequences without start and end tokens."""
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
    for node in range(1, len(tokens)):  # parents precede children
        before[node] |= before[parents[node]]
    return Tree(
        tokens=np.array(tokens),
        depths=before.sum(axis=1) - 1,
        before=before,
        edges=np.array(list(edges)),
        paths=tuple(paths),
    )
