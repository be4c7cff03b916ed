"""The lexicon: the words of the word language model, as a prefix tree over tokens.

In: the token sequence of each word. Out: a tree in which words share common prefixes. Node 0 is the
root, the state between words. Nodes are numbered breadth first, so the children of a node are
adjacent, in the order of their tokens. Words are numbered from 0 in the order of their last nodes.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from auricle.tokenizer import WORD_START

ROOT = 0


@dataclass(frozen=True, eq=False)
class Lexicon:
    """A tree of n nodes."""

    tokens: NDArray[np.uint16]  # (n,) token that leads to each node; 0 for the root
    children: NDArray[np.uint16]  # (n,) number of children of each node
    ends: NDArray[np.bool_]  # (n,) whether a word ends at each node

    @cached_property
    def first(self) -> NDArray[np.int32]:
        """First child of each node, and after the last of them the number of nodes: (n + 1,)."""
        return (1 + np.concatenate([[0], np.cumsum(self.children)])).astype(np.int32)

    @cached_property
    def parents(self) -> NDArray[np.int32]:
        """Parent of each node (n,); the root is its own parent."""
        nodes = np.arange(len(self.tokens), dtype=np.int32)
        return np.concatenate([[ROOT], np.repeat(nodes, self.children)]).astype(np.int32)

    @cached_property
    def leaves(self) -> NDArray[np.int32]:
        """Last node of each word: (words,)."""
        return np.flatnonzero(self.ends).astype(np.int32)

    @cached_property
    def words(self) -> NDArray[np.int32]:
        """Number of the word that ends at each node, -1 for none: (n,)."""
        return np.where(self.ends, np.cumsum(self.ends) - 1, -1).astype(np.int32)

    @cached_property
    def levels(self) -> tuple[slice, ...]:
        """Nodes of each depth, the root first."""
        found, start, stop = [], 0, 1
        while start < stop:
            found.append(slice(start, stop))
            start, stop = stop, int(self.first[stop])
        return tuple(found)

    def is_whole(self) -> bool:
        """Return whether the columns form a tree: those of a file may be inconsistent."""
        count = len(self.tokens)
        if not count or len(self.children) != count or len(self.ends) != count:
            return False
        before = self.first[:-1]
        return int(self.first[-1]) == count and bool((before[1:] > np.arange(count)[1:]).all())

    def child(self, node: int, token: int) -> int | None:
        """Return the child of a node by a token; None if no word continues so."""
        start, stop = int(self.first[node]), int(self.first[node + 1])
        place = start + int(self.tokens[start:stop].searchsorted(token))
        return place if place < stop and int(self.tokens[place]) == token else None

    def find(self, tokens: Sequence[int]) -> int | None:
        """Return the node that tokens lead to from the root; None if no word has them."""
        node: int | None = ROOT
        for token in tokens:
            node = self.child(node, token) if node is not None else None
        return node

    def spelled(self, pieces: Sequence[str]) -> list[str]:
        """Return the text of every word."""
        texts = [""] * len(self.tokens)
        for node in range(1, len(texts)):
            texts[node] = texts[self.parents[node]] + pieces[self.tokens[node]]
        return [texts[node].removeprefix(WORD_START) for node in self.leaves.tolist()]


def build_lexicon(spellings: Iterable[Sequence[int]]) -> Lexicon:
    """Return the lexicon of words given by their tokens; duplicates count once."""
    known = sorted({tuple(tokens) for tokens in spellings if tokens})
    whole = set(known)
    nodes = {tokens[:length] for tokens in known for length in range(1, len(tokens) + 1)}
    order = [(), *sorted(nodes, key=lambda node: (len(node), node))]
    number = {node: index for index, node in enumerate(order)}
    children = np.zeros(len(order), np.uint16)
    for node in order[1:]:
        children[number[node[:-1]]] += 1
    return Lexicon(
        tokens=np.array([node[-1] if node else 0 for node in order], np.uint16),
        children=children,
        ends=np.array([node in whole for node in order]),
    )
