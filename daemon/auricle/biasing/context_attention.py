"""Attention from what is heard to the names of a context, as two graphs.

In: forms of names, once; then the encoder frames of each chunk. Out: at each search frame (80 ms)
how much likelier than no name each form is, in nats: attention's scores against no-bias, which
opens where a name is said and closes elsewhere. The keys of ten thousand names are one matrix, so
that a chunk costs one product. `tools/auricle_train/context_attention` trains and exports the
graphs and names the papers.
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
LONGEST = 24  # letters of a form that are read
_NUMBERS = {letter: number for number, letter in enumerate(LETTERS, 1)}
_KEPT = 65536  # keys that are kept, for names change a few at a time: 33 MB
_LAYERS = 4  # of the listener


def numbered(forms: Sequence[str]) -> NDArray[np.int32]:
    """Return the letters of forms (forms, LONGEST) int32, 0 where there is none."""
    letters = np.zeros((len(forms), LONGEST), np.int32)
    for row, form in zip(letters, forms, strict=True):
        known = [_NUMBERS[letter] for letter in form[:LONGEST] if letter in _NUMBERS]
        row[: len(known)] = known
    return letters


class ContextEncoder:
    """Makes keys of forms; what it has made once it keeps."""

    def __init__(self, path: Path, threads: int, runtime: str = "auto") -> None:
        """Load the graph; raises ModelError."""
        self._graph = Graph(path, ("letters",), ("keys",), threads, runtime)
        self._graph.expect("letters", (-1, LONGEST))
        self._rows = self._graph.shape("letters")[0]
        self._graph.expect("keys", (self._rows, -1))
        self.width = self._graph.shape("keys")[1]
        self._known: dict[str, Floats] = {}
        self._lock = threading.Lock()  # names are made ready in threads of their own

    def keys(self, forms: Sequence[str]) -> Floats:
        """Return the keys of forms (forms, width) float32.

        Raises:
            ModelError: the network cannot be run.
        """
        with self._lock:
            return self._keys(forms)

    def _keys(self, forms: Sequence[str]) -> Floats:
        new = [form for form in dict.fromkeys(forms) if form not in self._known]
        if len(self._known) + len(new) > _KEPT:
            self._known, new = {}, list(dict.fromkeys(forms))
        letters = np.zeros((self._rows, LONGEST), np.int32)
        for first in range(0, len(new), self._rows):
            group = new[first : first + self._rows]
            letters[: len(group)] = numbered(group)
            found = self._graph(letters=letters)["keys"].copy()
            self._known.update(zip(group, found, strict=False))
        if not forms:
            return np.zeros((0, self.width), np.float32)
        return np.stack([self._known[form] for form in forms])


@dataclass(frozen=True, slots=True, eq=False)
class ListenerState:
    """What the listener's layers have read before; never changed in place."""

    before: tuple[Floats, ...]  # each (frames, width)


@dataclass(frozen=True, slots=True, eq=False)
class Queries:
    """What a chunk asks of names."""

    queries: Floats  # (n, width): scaled, one for each search frame (80 ms)
    nothing: Floats  # (n,): scores of no-bias, nats

    @staticmethod
    def joined(parts: Sequence[Queries]) -> Queries:
        """Return the queries of chunks that follow one another; there must be one at least."""
        return Queries(
            np.concatenate([part.queries for part in parts]),
            np.concatenate([part.nothing for part in parts]),
        )

    def scores(self, keys: Floats) -> Floats:
        """(names, width) -> (n, names) float32: how much likelier than no name each is, nats."""
        scores: Floats = self.queries @ keys.T
        scores -= self.nothing[:, np.newaxis]
        return scores

    def between(self, first: int, last: int) -> Queries:
        """Return those of some frames, the last excluded."""
        return Queries(self.queries[first:last], self.nothing[first:last])

    def best(self, keys: Floats) -> Floats:
        """(names, width) -> (names,): the best score of each in any frame; -inf without frames."""
        if not len(self.nothing):
            return np.full(len(keys), -np.inf, np.float32)
        best: Floats = self.scores(keys).max(axis=0)
        return best


class QueryEncoder:
    """Follows `auricle.streaming.Streaming`: a chunk of the encoder in, its queries out."""

    def __init__(self, path: Path, threads: int, runtime: str = "auto") -> None:
        """Load the graph; raises ModelError."""
        self._names = tuple(f"before_{number}" for number in range(_LAYERS))
        following = tuple(f"{name}_out" for name in self._names)
        self._graph = Graph(
            path, ("encoded", *self._names), ("queries", "nothing", *following), threads, runtime
        )
        self._graph.expect("encoded", (1, -1, -1))
        self._graph.expect("nothing", (-1,))
        self.chunk = self._graph.shape("encoded")[1:]  # (encoder frames, width) that a step takes
        self.frames = self._graph.shape("nothing")[0]  # search frames that it gives
        self._graph.expect("queries", (self.frames, -1))
        self.width = self._graph.shape("queries")[1]
        for before, after in zip(self._names, following, strict=True):
            self._graph.expect(after, self._graph.shape(before))

    def initial_state(self) -> ListenerState:
        """Return the state before the first chunk."""
        shapes = (self._graph.shape(name) for name in self._names)
        return ListenerState(tuple(np.zeros(shape, np.float32) for shape in shapes))

    def step(self, state: ListenerState, encoded: Floats) -> tuple[ListenerState, Queries]:
        """Listen to a chunk.

        Args:
            state: after the chunk before.
            encoded: (encoder frames, width) of the chunk, see `Encoded.encoded`.

        Raises:
            ModelError: the network cannot be run.
        """
        before = dict(zip(self._names, state.before, strict=True))
        out = self._graph(encoded=encoded[np.newaxis], **before)
        following = ListenerState(tuple(out[f"{name}_out"].copy() for name in self._names))
        return following, Queries(out["queries"].copy(), out["nothing"].copy())


@dataclass(frozen=True, slots=True, eq=False)
class Attention:
    """Both networks; they belong together."""

    encoder: ContextEncoder
    listener: QueryEncoder

    def __post_init__(self) -> None:
        """Raise ModelError where they do not fit each other."""
        if self.encoder.width != self.listener.width:
            raise ModelError(
                f"attention to names: its keys are of {self.encoder.width}, its queries of "
                f"{self.listener.width}: install the bundle again"
            )
