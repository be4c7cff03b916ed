"""The attention decoder of the second pass, as two TFLite graphs.

In: feature frames of a finished segment, and the pieces of a few hypotheses. Out: log probabilities
of each hypothesis' next piece. `AttentionScorer` is the interface that `second_pass.py` uses;
`AttentionDecoder` implements it.

The encoder is Whisper's (Radford et al., arXiv:2212.04356) with full attention, which resists noise
better than a chunk-wise encoder. `tools/auricle_train/export/decoder.py` exports the graphs: the
names and shapes of tensors must agree. A "place" is a position in the decoder's sequence.
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
ROOM = 32  # places added when the graph is enlarged
STRIDE = 2  # feature frames (10 ms) per encoder frame (20 ms)
LAYERED = ("keys", "values", "memory_keys", "memory_values")  # inputs of each layer


class AttentionState(Protocol):
    """State of a few hypotheses of one utterance after a step; never changed in place."""

    @property
    def rows(self) -> int:
        """Number of hypotheses."""
        ...


class AttentionScorer(Protocol):
    """Scores the next piece of hypotheses; piece 0 ends the utterance."""

    @property
    def rows(self) -> int:
        """Largest number of hypotheses in a step."""
        ...

    @property
    def places(self) -> int:
        """Largest number of pieces in a hypothesis, and of steps after `begin`."""
        ...

    @property
    def frames(self) -> int:
        """Largest number of encoder frames in an utterance."""
        ...

    @property
    def vocabulary(self) -> int:
        """Number of pieces, including the end."""
        ...

    def begin(self, features: Floats, first: int = 0) -> tuple[AttentionState, Floats]:
        """Begin an utterance.

        Args:
            features: (n, 80) float32, feature frames (10 ms).
            first: encoder frame (20 ms) at which transcription begins; earlier ones only serve
                as context of the encoder.

        Returns:
            The state of one hypothesis without pieces, and (1, vocabulary) float32: log
            probabilities of its first piece.

        Raises:
            ArgumentError: from `first` on there is no encoder frame, or more than `frames`.
        """
        ...

    def step(
        self, state: AttentionState, pieces: Sequence[int], parents: Sequence[int]
    ) -> tuple[AttentionState, Floats]:
        """Extend hypotheses by one piece each.

        Args:
            state: state of any earlier step, of any utterance.
            pieces: next piece of each hypothesis; at most `rows` hypotheses.
            parents: for each hypothesis, the row of `state` that it extends.

        Returns:
            The next state, and (len(pieces), vocabulary) float32: log probabilities of the piece
            after that.

        Raises:
            ArgumentError: there are more than `rows` hypotheses, or they are longer than `places`.
        """
        ...


@dataclass(frozen=True, slots=True, eq=False)
class _Memory:
    """Keys and values of cross-attention to the encoder frames of an utterance."""

    keys: Floats  # (layers, heads, encoder frames, head size)
    values: Floats  # (layers, heads, head size, encoder frames)


@dataclass(frozen=True, slots=True, eq=False)
class DecoderState:
    """Keys and values of self-attention at all places so far, including the prompt."""

    memory: _Memory
    keys: Floats  # (layers, rows, heads, places, head size)
    values: Floats  # (layers, rows, heads, head size, places)

    @property
    def rows(self) -> int:
        """Number of hypotheses."""
        return int(self.keys.shape[1])

    @property
    def position(self) -> int:
        """Number of places so far, the position of the next piece."""
        return int(self.keys.shape[3])


class AttentionDecoder:
    """Implements `AttentionScorer` with two graphs: memory (the encoder) and decoder (one step).

    The decoder graph is resized to the length of the memory, which is written into it once per
    utterance.
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
        padding = silence["keys"].shape[2] - 1  # encoder frames of silence added by the graph
        self.frames = self._decoder.shape("memory_keys_0")[1] - padding
        self._prompt = int(silence["prompt"][0])  # places of the prompt, before the first piece
        self.places = self._decoder.shape("known")[0] - self._prompt
        self._layers, self._heads, self._head = layers, heads, head
        self._loaded: _Memory | None = None  # memory that is in the graph now
        self._room = 0  # places that the graph has room for now

    def begin(self, features: Floats, first: int = 0) -> tuple[DecoderState, Floats]:
        """See `AttentionScorer`."""
        count = -(-len(features) // STRIDE) - first
        if not 1 <= count <= self.frames:
            raise ArgumentError(f"features hold {count} frames; must be 1 to {self.frames}.")
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
            raise TypeError(f"state is a {type(state).__name__}, not a DecoderState")
        if not 1 <= len(pieces) <= self.rows:
            raise ArgumentError(f"pieces has {len(pieces)} items; must be 1 to {self.rows}.")
        if state.position >= self.places + self._prompt:
            raise ArgumentError(
                f"a hypothesis has more than {self.places} pieces; end hypotheses earlier."
            )
        return self._advance(state, pieces, parents)

    def _advance(
        self, state: DecoderState, pieces: Sequence[int], parents: Sequence[int]
    ) -> tuple[DecoderState, Floats]:
        """Run one step of the decoder graph; see `step`."""
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
        """Write a memory into the graph and make room for `position` places, if necessary."""
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
        """Resize the graph to a number of encoder frames and places."""
        heads, head = self._heads, self._head
        sizes = {
            "keys": (self.rows, heads, room, head),
            "values": (self.rows, heads, head, room),
            "memory_keys": (heads, frames, head),
            "memory_values": (heads, head, frames),
        }
        layered = {f"{name}_{n}": sizes[name] for name in LAYERED for n in range(self._layers)}
        self._loaded = None  # stays so if the resize fails
        self._decoder.resize(known=(room,), **layered)
        self._room = room
