"""The attention decoder of the second pass: which piece follows, given all encoder frames.

In: log-mel frames of a finished utterance, and the pieces before. Out: log probabilities of the
next piece, for a few hypotheses at once. The encoder is Whisper's (Radford et al.,
arXiv:2212.04356) with full attention, for noise harms an encoder most that hears chunk by chunk.
`tools/auricle_train/export/decoder.py` makes the graphs.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from auricle.errors import ArgumentError
from auricle.features import BANDS, SILENCE
from auricle.tflite.graph import Graph, ResidentGraph

Floats = NDArray[np.float32]
ROOM = 32  # places by which the graph grows
STRIDE = 2  # feature frames (10 ms) to an encoder frame
LAYERED = ("keys", "values", "memory_keys", "memory_values")  # inputs that each layer has


class AttentionState(Protocol):
    """The pieces before of a few hypotheses of one utterance; a value, never changed in place."""

    @property
    def rows(self) -> int:
        """How many hypotheses there are."""
        ...


class AttentionScorer(Protocol):
    """Scores the next piece of hypotheses; piece 0 ends the utterance."""

    @property
    def rows(self) -> int:
        """How many hypotheses one step takes at most."""
        ...

    @property
    def places(self) -> int:
        """How many pieces may follow one another: so many steps may be taken after `begin`."""
        ...

    @property
    def frames(self) -> int:
        """How many encoder frames of an utterance can be heard."""
        ...

    @property
    def vocabulary(self) -> int:
        """How many pieces there are, the end among them."""
        ...

    def begin(self, features: Floats, first: int = 0) -> tuple[AttentionState, Floats]:
        """Begin an utterance.

        Args:
            features: (n, 80) float32, log-mel frames of 10 ms.
            first: encoder frame (20 ms) at which transcription begins; those before are context.

        Returns:
            The state of one hypothesis without pieces, and (1, vocabulary) float32: natural log of
            what its first piece may be.

        Raises:
            ArgumentError: no encoder frame is left, or more than `frames`.
        """
        ...

    def step(
        self, state: AttentionState, pieces: Sequence[int], parents: Sequence[int]
    ) -> tuple[AttentionState, Floats]:
        """Let hypotheses go on by a piece each.

        Args:
            state: of the step before, or of any earlier one, of any utterance.
            pieces: one for each hypothesis, at most `rows`.
            parents: for each, the row of the step before that it goes on from.

        Returns:
            The next state, and (len(pieces), vocabulary) float32: natural log of what comes next.

        Raises:
            ArgumentError: the hypotheses are too many, or too long for `places`.
        """
        ...


@dataclass(frozen=True, slots=True, eq=False)
class _Memory:
    """What attention needs of the frames of an utterance."""

    keys: Floats  # (layers, heads, frames, head)
    values: Floats  # (layers, heads, head, frames)


@dataclass(frozen=True, slots=True, eq=False)
class DecoderState:
    """Keys and values of the places before, the prompt's included."""

    memory: _Memory
    keys: Floats  # (layers, rows, heads, places, head)
    values: Floats  # (layers, rows, heads, head, places)

    @property
    def rows(self) -> int:
        """How many hypotheses there are."""
        return int(self.keys.shape[1])

    @property
    def position(self) -> int:
        """How many places there are."""
        return int(self.keys.shape[3])


class AttentionDecoder:
    """Implements `AttentionScorer` on two graphs: one of an utterance's memory, one of a step.

    The memory of an utterance is written into the graph once, which is made as long as that.
    """

    def __init__(self, memory: Path, decoder: Path, threads: int, runtime: str = "auto") -> None:
        """Load both graphs; raises ModelError."""
        self._memory = Graph(memory, ("features",), ("keys", "values", "prompt"), threads, runtime)
        self._memory.expect("features", (1, -1, BANDS))
        self._memory.expect("keys", (-1, -1, -1, -1))
        layers, heads, _, head = self._memory.shape("keys")
        self._memory.expect("values", (layers, heads, head, -1))
        self._memory.expect("prompt", (1,))
        layered = [f"{name}_{n}" for name in LAYERED for n in range(layers)]
        given = ("pieces", "position", "known", *layered)
        made = ("log_probs", "new_keys", "new_values")
        self._decoder = ResidentGraph(decoder, given, made, threads, runtime)
        self._decoder.expect("pieces", (-1,))
        self._decoder.expect("known", (-1,))
        self.rows = self._decoder.shape("pieces")[0]
        self._decoder.expect("log_probs", (self.rows, -1))
        self._decoder.expect("new_keys", (layers, self.rows, heads, head))
        self._decoder.expect("memory_keys_0", (heads, -1, head))
        self.vocabulary = self._decoder.shape("log_probs")[1]
        silence = self._memory(features=np.full((1, STRIDE, BANDS), SILENCE, np.float32))
        padding = silence["keys"].shape[2] - 1  # encoder frames of silence that the graph adds
        self.frames = self._decoder.shape("memory_keys_0")[1] - padding
        self._prompt = int(silence["prompt"][0])  # places before the pieces
        self.places = self._decoder.shape("known")[0] - self._prompt
        self._layers, self._heads, self._head = layers, heads, head
        self._loaded: _Memory | None = None  # what is in the graph,
        self._room = 0  # and for how many places there is room in it

    def begin(self, features: Floats, first: int = 0) -> tuple[DecoderState, Floats]:
        """See `AttentionScorer`."""
        count = -(-len(features) // STRIDE) - first
        if not 1 <= count <= self.frames:
            raise ArgumentError(f"heard are {count} frames; it must be 1 to {self.frames}.")
        odd = len(features) % STRIDE
        even = np.pad(features, ((0, odd), (0, 0)), constant_values=SILENCE)
        out = self._memory(features=even[np.newaxis])
        memory = _Memory(out["keys"][:, :, first:], out["values"][:, :, :, first:])
        nothing = np.zeros((self._layers, 1, self._heads, 0, self._head), np.float32)
        state = DecoderState(memory, nothing, nothing.swapaxes(3, 4))
        for _ in range(self._prompt):
            state, log_probs = self._advance(state, [0], [0])
        return state, log_probs

    def step(
        self, state: AttentionState, pieces: Sequence[int], parents: Sequence[int]
    ) -> tuple[DecoderState, Floats]:
        """See `AttentionScorer`."""
        if not isinstance(state, DecoderState):
            raise TypeError(f"state is of {type(state).__name__}, not of this decoder")
        if not 1 <= len(pieces) <= self.rows:
            raise ArgumentError(f"hypotheses are {len(pieces)}; it must be 1 to {self.rows}.")
        if state.position >= self.places + self._prompt:
            raise ArgumentError(f"pieces are more than {self.places}; end the hypotheses before.")
        return self._advance(state, pieces, parents)

    def _advance(
        self, state: DecoderState, pieces: Sequence[int], parents: Sequence[int]
    ) -> tuple[DecoderState, Floats]:
        """Run one step."""
        graph, count, position = self._decoder, len(pieces), state.position
        self._load(state.memory, position)
        keys, values = state.keys[:, parents], state.values[:, parents]
        for layer in range(self._layers):
            graph.input(f"keys_{layer}")[:count, :, :position] = keys[layer]
            graph.input(f"values_{layer}")[:count, :, :, :position] = values[layer]
        graph.input("pieces")[:count] = pieces
        graph.input("position")[0] = position
        graph.input("known")[:] = np.arange(self._room) < position
        graph.run()
        new_keys = graph.output("new_keys")[:, :count, :, np.newaxis]
        new_values = graph.output("new_values")[:, :count, :, :, np.newaxis]
        following = DecoderState(
            state.memory,
            np.concatenate([keys, new_keys], axis=3),
            np.concatenate([values, new_values], axis=4),
        )
        return following, graph.output("log_probs")[:count]

    def _load(self, memory: _Memory, position: int) -> None:
        """Put a memory into the graph and make room for the places, unless it is so."""
        room = min(-(-max(position, 1) // ROOM) * ROOM, self.places + self._prompt)
        if self._loaded is memory and self._room >= room:
            return
        frames = memory.keys.shape[2]
        if self._loaded is None or (self._loaded.keys.shape[2], self._room) != (frames, room):
            self._resize(frames, room)
        for layer in range(self._layers):
            self._decoder.input(f"memory_keys_{layer}")[:] = memory.keys[layer]
            self._decoder.input(f"memory_values_{layer}")[:] = memory.values[layer]
        self._loaded = memory

    def _resize(self, frames: int, room: int) -> None:
        heads, head = self._heads, self._head
        sizes = {
            "keys": (self.rows, heads, room, head),
            "values": (self.rows, heads, head, room),
            "memory_keys": (heads, frames, head),
            "memory_values": (heads, head, frames),
        }
        layered = {f"{name}_{n}": sizes[name] for name in LAYERED for n in range(self._layers)}
        self._loaded = None  # should the resizing fail
        self._decoder.resize(known=(room,), **layered)
        self._room = room
