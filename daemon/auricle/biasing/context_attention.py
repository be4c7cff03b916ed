"""Context attention: finds names of the context in the audio, with two TFLite graphs.

In: the forms of all names, once; then the encoder frames (20 ms) of each chunk. Out: a score of
each form at each search frame (80 ms), in nats above "no-bias", the score of no name.

`ContextEncoder` turns each form into a key. `QueryEncoder` turns a chunk of encoder frames into
queries. The score is their dot product, less the score of no-bias. The keys of all names form one
matrix (`key_matrix.py`). `shortlist.py` selects names by these scores.
`tools/auricle_train/context_attention` trains and exports the graphs, and cites the papers.
"""

from __future__ import annotations

import threading
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from auricle.errors import ModelError
from auricle.tflite.graph import Graph

Floats = NDArray[np.float32]
LETTERS = " 'abcdefghijklmnopqrstuvwxyz"
LONGEST = 24  # letters of a form that the encoder reads
_NUMBERS = {letter: number for number, letter in enumerate(LETTERS, 1)}
_LAYERS = 4  # layers of the query encoder


def numbered(forms: Sequence[str]) -> NDArray[np.int32]:
    """Return the letters of forms as numbers (forms, LONGEST) int32, padded with 0."""
    letters = np.zeros((len(forms), LONGEST), np.int32)
    for row, form in zip(letters, forms, strict=True):
        known = [_NUMBERS[letter] for letter in form[:LONGEST] if letter in _NUMBERS]
        row[: len(known)] = known
    return letters


class ContextEncoder:
    """Computes the keys of forms; may be used from any thread."""

    def __init__(self, path: Path, threads: int, runtime: str = "auto") -> None:
        """Load the graph; raises ModelError."""
        self._graph = Graph(path, ("letters",), ("keys",), threads, runtime)
        self._graph.expect("letters", (-1, LONGEST))
        self._rows = self._graph.shape("letters")[0]
        self._graph.expect("keys", (self._rows, -1))
        self.width = self._graph.shape("keys")[1]
        self._lock = threading.Lock()  # contexts are prepared in worker threads

    @property
    def batch(self) -> int:
        """Forms of one run of the network."""
        return self._rows

    def keys(self, forms: Sequence[str]) -> Floats:
        """Return the keys of forms (forms, width) float32.

        Raises:
            ModelError: the network cannot be run.
        """
        keys = np.zeros((len(forms), self.width), np.float32)
        letters = np.zeros((self._rows, LONGEST), np.int32)
        for first in range(0, len(forms), self._rows):
            group = forms[first : first + self._rows]
            letters[: len(group)] = numbered(group)
            with self._lock:
                found = self._graph(letters=letters)["keys"]
                keys[first : first + len(group)] = found[: len(group)]
        return keys


@dataclass(frozen=True, slots=True, eq=False)
class ListenerState:
    """State of the query encoder; never changed in place."""

    before: tuple[Floats, ...]  # left context of each layer, (frames, width)


@dataclass(frozen=True, slots=True, eq=False)
class Queries:
    """The queries of n search frames."""

    queries: Floats  # (n, width), scaled
    nothing: Floats  # (n,) scores of no-bias, nats

    @staticmethod
    def joined(parts: Sequence[Queries]) -> Queries:
        """Return the queries of consecutive chunks, at least one."""
        return Queries(
            np.concatenate([part.queries for part in parts]),
            np.concatenate([part.nothing for part in parts]),
        )

    def scores(self, keys: Floats) -> Floats:
        """Return the score of each key at each search frame.

        Args:
            keys: (keys, width) float32.

        Returns:
            (n, keys) float32, nats above no-bias.
        """
        scores: Floats = self.queries @ keys.T
        scores -= self.nothing[:, np.newaxis]
        return scores

    def between(self, first: int, last: int) -> Queries:
        """Return the queries of search frames `first` to `last`, excluding `last`."""
        return Queries(self.queries[first:last], self.nothing[first:last])

    def best(self, keys: Floats) -> Floats:
        """Return the best score of each key over all search frames.

        Args:
            keys: (keys, width) float32.

        Returns:
            (keys,) float32, nats above no-bias; -inf without frames.
        """
        if not len(self.nothing):
            return np.full(len(keys), -np.inf, np.float32)
        best: Floats = self.scores(keys).max(axis=0)
        return best


class QueryEncoder:
    """Follows `auricle.streaming.Streaming`: encoder frames of a chunk in, `Queries` out."""

    def __init__(self, path: Path, threads: int, runtime: str = "auto") -> None:
        """Load the graph; raises ModelError."""
        self._names = tuple(f"before_{number}" for number in range(_LAYERS))
        following = tuple(f"{name}_out" for name in self._names)
        self._graph = Graph(
            path, ("encoded", *self._names), ("queries", "nothing", *following), threads, runtime
        )
        self._graph.expect("encoded", (1, -1, -1))
        self._graph.expect("nothing", (-1,))
        self.chunk = self._graph.shape("encoded")[1:]  # (encoder frames, width) per step
        self.frames = self._graph.shape("nothing")[0]  # search frames per step
        self._graph.expect("queries", (self.frames, -1))
        self.width = self._graph.shape("queries")[1]
        for before, after in zip(self._names, following, strict=True):
            self._graph.expect(after, self._graph.shape(before))

    def initial_state(self) -> ListenerState:
        """Return the state before the first chunk."""
        shapes = (self._graph.shape(name) for name in self._names)
        return ListenerState(tuple(np.zeros(shape, np.float32) for shape in shapes))

    def step(self, state: ListenerState, encoded: Floats) -> tuple[ListenerState, Queries]:
        """Compute the queries of a chunk.

        Args:
            state: state after the chunk before.
            encoded: (encoder frames, width) float32, see `Encoded.encoded`.

        Raises:
            ModelError: the network cannot be run.
        """
        before = dict(zip(self._names, state.before, strict=True))
        out = self._graph(encoded=encoded[np.newaxis], **before)
        following = ListenerState(tuple(out[f"{name}_out"].copy() for name in self._names))
        return following, Queries(out["queries"].copy(), out["nothing"].copy())


@dataclass(frozen=True, slots=True, eq=False)
class Attention:
    """Both networks, which must come from one bundle."""

    encoder: ContextEncoder
    listener: QueryEncoder

    def __post_init__(self) -> None:
        """Raise ModelError if their widths differ."""
        if self.encoder.width != self.listener.width:
            raise ModelError(
                f"context attention: keys have width {self.encoder.width}, but queries have width "
                f"{self.listener.width}: install the bundle again"
            )
