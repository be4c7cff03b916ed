"""The three networks of the transducer as TFLite graphs with explicit state.

Encoder: a chunk of log-mel frames and a state in, encoder frames and the next state out.
Predictor and joint: encoder frame and token contexts in, log probabilities of tokens out; both are
behind `TransducerScorer`, which the search asks. `tools/auricle_train/export/` makes the graphs.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, fields
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from auricle.features import BANDS, SILENCE
from auricle.recognizer.transducer import Context
from auricle.tflite.graph import Graph

Floats = NDArray[np.float32]
CACHED_CONTEXTS = 4096  # predictor outputs that are kept: 8 MB


@dataclass(frozen=True, slots=True, eq=False)
class Encoded:
    """What the encoder makes of one chunk."""

    frames: Floats  # (n, joint): search frames (80 ms), as the joint sees them
    ctc: Floats  # (n, vocabulary): CTC's log probabilities of these frames, natural log
    encoded: Floats  # (chunk, width): output of the last encoder layer, normalised, 20 ms each


@dataclass(frozen=True, slots=True, eq=False)
class EncoderState:
    """What the encoder remembers; never changed in place."""

    context: Floats  # (1, 3, 80): the last features, which the convolutions still need
    keys: Floats  # (layers, left, width): attention keys of the encoder frames before
    values: Floats  # (layers, left, width)
    top_keys: Floats  # (top layers, left, width): attention keys of the search frames before
    top_values: Floats  # (top layers, left, width)
    top_near: Floats  # (top layers, kernel - 1, width): what the top's convolutions still need
    position: NDArray[np.int32]  # (1,): encoder frames before


_STATE = tuple(field.name for field in fields(EncoderState))


class Encoder:
    """Log-mel frames to encoder frames, a chunk at a time."""

    def __init__(self, path: Path, threads: int, runtime: str = "auto") -> None:
        """Load the graph; raises ModelError."""
        following = tuple(f"{name}_out" for name in _STATE)
        self._graph = Graph(
            path, ("features", *_STATE), ("frames", "ctc", "encoded", *following),
            threads, runtime,
        )  # fmt: skip
        self._graph.expect("features", (1, -1, BANDS))
        self._graph.expect("context", (1, -1, BANDS))
        self._graph.expect("frames", (1, -1, -1))
        self._graph.expect("ctc", (1, self._graph.shape("frames")[1], -1))
        self._graph.expect("encoded", (1, -1, -1))
        for before, after in zip(_STATE, following, strict=True):
            self._graph.expect(after, self._graph.shape(before))
        self.chunk = self._graph.shape("features")[1]  # feature frames of one step
        self.frames = self._graph.shape("frames")[1:]  # (frames, joint) that one step gives
        self.vocabulary = self._graph.shape("ctc")[2]  # tokens of CTC, blank included
        self.width = self._graph.shape("encoded")[2]

    def initial_state(self) -> EncoderState:
        """Return the state before the first chunk: silence."""

        def zeros(name: str) -> Floats:
            return np.zeros(self._graph.shape(name), np.float32)

        return EncoderState(
            context=zeros("context") + np.float32(SILENCE),
            keys=zeros("keys"),
            values=zeros("values"),
            top_keys=zeros("top_keys"),
            top_values=zeros("top_values"),
            top_near=zeros("top_near"),
            position=np.zeros(self._graph.shape("position"), np.int32),
        )

    def step(self, state: EncoderState, features: Floats) -> tuple[EncoderState, Encoded]:
        """Encode one chunk.

        Args:
            state: after the chunk before.
            features: (chunk, 80) float32.

        Returns:
            The next state, and what the two passes see of the chunk.
        """
        before = {name: getattr(state, name) for name in _STATE}
        out = self._graph(features=features[np.newaxis], **before)
        following = EncoderState(*(out[f"{name}_out"] for name in _STATE))
        given = (out[name][0] for name in ("frames", "ctc", "encoded"))
        return following, Encoded(*given)


class TransducerScorer:
    """Predictor and joint: what the next token may be, given audio and the tokens before."""

    def __init__(self, predictor: Path, joint: Path, threads: int, runtime: str = "auto") -> None:
        """Load both graphs; raises ModelError."""
        self._predictor = Graph(predictor, ("contexts",), ("predictions",), threads, runtime)
        self._joint = Graph(joint, ("frame", "predictions"), ("log_probs",), threads, runtime)
        self._predictor.expect("contexts", (-1, 2))
        rows = self._predictor.shape("contexts")[0]
        self._joint.expect("frame", (1, -1))
        self._joint.expect("predictions", (rows, self.width))
        self._joint.expect("log_probs", (rows, -1))
        self._predictor.expect("predictions", (rows, self.width))
        self._rows = rows
        self._predictions: dict[Context, Floats] = {}

    @property
    def width(self) -> int:
        """Size of an encoder frame."""
        return self._joint.shape("frame")[1]

    @property
    def vocabulary(self) -> int:
        """How many tokens the joint knows, the blank among them."""
        return self._joint.shape("log_probs")[1]

    def log_probs(self, frame: Floats, contexts: Sequence[Context]) -> Floats:
        """See `auricle.recognizer.beam_search.Scorer`."""
        if len(self._predictions) + len(contexts) > CACHED_CONTEXTS:
            self._predictions = {}  # recomputing is cheap; this keeps memory bounded
        self._predict([context for context in contexts if context not in self._predictions])
        parts = []
        for first in range(0, len(contexts), self._rows):
            group = contexts[first : first + self._rows]
            predictions = np.zeros((self._rows, self.width), np.float32)
            for row, context in enumerate(group):
                predictions[row] = self._predictions[context]
            out = self._joint(frame=frame[np.newaxis], predictions=predictions)
            parts.append(out["log_probs"][: len(group)])
        return parts[0] if len(parts) == 1 else np.concatenate(parts)

    def _predict(self, contexts: Sequence[Context]) -> None:
        """Run the predictor on contexts that are not cached."""
        for first in range(0, len(contexts), self._rows):
            group = contexts[first : first + self._rows]
            padded = np.zeros((self._rows, 2), np.int32)
            padded[: len(group)] = group
            predictions = self._predictor(contexts=padded)["predictions"]
            for row, context in enumerate(group):
                self._predictions[context] = predictions[row].copy()
