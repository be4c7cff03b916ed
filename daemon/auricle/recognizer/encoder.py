"""The networks of the transducer as TFLite graphs: trunk and top of the encoder, predictor, joint.

`Encoder` runs the trunk and then the top: in, a chunk of feature frames (10 ms) and a state; out,
the encoded chunk and the next state. The trunk, the layers at the rate of encoder frames, is frozen
when a top is trained, so a new top leaves its file unchanged. `TransducerScorer` holds predictor
and joint: in, one search frame (80 ms) and the last two tokens of each hypothesis; out, the log
probabilities of the next token.

All state is passed explicitly and the tensors are checked at load.
`tools/auricle_train/export/` exports the graphs: the names and shapes of tensors must agree.
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
CACHED_CONTEXTS = 4096  # cached predictor outputs: 8 MB


@dataclass(frozen=True, slots=True, eq=False)
class Encoded:
    """Output of the encoder for one chunk."""

    frames: Floats  # (n, joint) search frames (80 ms), input of the joint
    ctc: Floats  # (n, vocabulary) CTC's log probabilities of the search frames
    encoded: Floats  # (chunk, width) encoder frames (20 ms), normalised output of the last layer


@dataclass(frozen=True, slots=True, eq=False)
class EncoderState:
    """State of the encoder; never changed in place.

    The "trunk" consists of the layers that run at the rate of encoder frames, the "top" of those at
    the rate of search frames.
    """

    context: Floats  # (1, 3, 80) last feature frames, left context of the convolutions
    keys: Floats  # (layers, left, width) attention keys of earlier encoder frames
    values: Floats  # (layers, left, width) attention values of the same frames
    top_keys: Floats  # (top layers, left, width) attention keys of earlier search frames
    top_values: Floats  # (top layers, left, width) attention values of the same frames
    top_near: Floats  # (top layers, kernel - 1, width) left context of the top's convolutions
    position: NDArray[np.int32]  # (1,) number of encoder frames so far


_TOP = ("top_keys", "top_values", "top_near")
_STATE = tuple(field.name for field in fields(EncoderState))
_TRUNK = tuple(name for name in _STATE if name not in _TOP)


class Encoder:
    """Follows `auricle.streaming.Streaming`: feature frames in, `Encoded` out, chunk by chunk."""

    def __init__(self, trunk: Path, top: Path, threads: int, runtime: str = "auto") -> None:
        """Load both graphs; raises ModelError if one is damaged or they do not fit each other."""
        self._trunk = Graph(
            trunk, ("features", *_TRUNK), ("encoded", *_following(_TRUNK)), threads, runtime
        )
        self._top = Graph(
            top, ("encoded", "position", *_TOP), ("frames", "ctc", *_following(_TOP)),
            threads, runtime,
        )  # fmt: skip
        self._trunk.expect("features", (1, -1, BANDS))
        self._trunk.expect("context", (1, -1, BANDS))
        self._trunk.expect("encoded", (1, -1, -1))
        self._top.expect("encoded", self._trunk.shape("encoded"))
        self._top.expect("position", self._trunk.shape("position"))
        self._top.expect("frames", (1, -1, -1))
        self._top.expect("ctc", (1, self._top.shape("frames")[1], -1))
        for graph, names in ((self._trunk, _TRUNK), (self._top, _TOP)):
            for before, after in zip(names, _following(names), strict=True):
                graph.expect(after, graph.shape(before))
        self.chunk = self._trunk.shape("features")[1]  # feature frames per step
        self.frames = self._top.shape("frames")[1:]  # (search frames, joint) per step
        self.vocabulary = self._top.shape("ctc")[2]  # tokens of CTC, including blank
        self.width = self._trunk.shape("encoded")[2]

    def initial_state(self) -> EncoderState:
        """Return the state before the first chunk: silence."""

        def zeros(graph: Graph, name: str) -> Floats:
            return np.zeros(graph.shape(name), np.float32)

        return EncoderState(
            context=zeros(self._trunk, "context") + np.float32(SILENCE),
            keys=zeros(self._trunk, "keys"),
            values=zeros(self._trunk, "values"),
            top_keys=zeros(self._top, "top_keys"),
            top_values=zeros(self._top, "top_values"),
            top_near=zeros(self._top, "top_near"),
            position=np.zeros(self._trunk.shape("position"), np.int32),
        )

    def step(self, state: EncoderState, features: Floats) -> tuple[EncoderState, Encoded]:
        """Encode one chunk.

        Args:
            state: state after the chunk before.
            features: (chunk, 80) float32, feature frames.

        Returns:
            The next state and the encoded chunk.
        """
        below = self._trunk(
            features=features[np.newaxis], **{name: getattr(state, name) for name in _TRUNK}
        )
        above = self._top(
            encoded=below["encoded"],
            position=state.position,
            **{name: getattr(state, name) for name in _TOP},
        )
        out = below | above
        following = EncoderState(*(out[f"{name}_out"] for name in _STATE))
        return following, Encoded(*(out[name][0] for name in ("frames", "ctc", "encoded")))


def _following(names: Sequence[str]) -> tuple[str, ...]:
    """Return the names of the outputs that hold the next state."""
    return tuple(f"{name}_out" for name in names)


class TransducerScorer:
    """Predictor and joint; implements `auricle.recognizer.transducer.Scorer`."""

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
        """Size of a search frame (encoder_dim)."""
        return self._joint.shape("frame")[1]

    @property
    def vocabulary(self) -> int:
        """Number of tokens, including blank."""
        return self._joint.shape("log_probs")[1]

    def log_probs(self, frame: Floats, contexts: Sequence[Context]) -> Floats:
        """See `auricle.recognizer.transducer.Scorer`."""
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
