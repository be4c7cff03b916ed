"""The three networks of the transducer as TFLite graphs with explicit state.

Encoder: a chunk of log-mel frames and a state in, encoder frames and the next state out.
Predictor and joint: encoder frame and token contexts in, log probabilities of tokens out; both are
behind `TransducerScorer`, which the search asks. `tools/auricle_train/export.py` makes the graphs.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from auricle.errors import ModelError
from auricle.features import BANDS, SILENCE
from auricle.recognizer.search import Context
from auricle.tflite import SignatureRunner, load_interpreter

Floats = NDArray[np.float32]
CACHED_CONTEXTS = 4096  # predictor outputs that are kept: 8 MB


class Graph:
    """A TFLite graph with one signature, whose tensors are checked once."""

    def __init__(
        self,
        path: Path,
        inputs: Sequence[str],
        outputs: Sequence[str],
        threads: int,
        runtime: str,
    ) -> None:
        """Load the graph.

        Raises:
            ModelError: it is missing or damaged, or its inputs or outputs are not those named.
        """
        self.path = path
        # The runner holds no reference to the interpreter, which must outlive it.
        self._interpreter = load_interpreter(path, threads, runtime)
        signatures = self._interpreter.get_signature_list()
        for kind, wanted in (("inputs", inputs), ("outputs", outputs)):
            names = sorted(name for one in signatures.values() for name in one[kind])
            if names != sorted(wanted):
                raise ModelError(
                    f"{path}: its {kind} are {names}, not {sorted(wanted)}: it is no such "
                    "network; install the bundle again"
                )
        self._runner: SignatureRunner = self._interpreter.get_signature_runner()
        # No name is both an input and an output.
        self._details = self._runner.get_input_details() | self._runner.get_output_details()

    def shape(self, name: str) -> tuple[int, ...]:
        """Return the shape of an input or an output."""
        return tuple(int(size) for size in self._details[name]["shape"])

    def expect(self, name: str, shape: Sequence[int]) -> None:
        """Raise ModelError if an input or an output is of another shape; -1 stands for any size."""
        actual = self.shape(name)
        fits = len(actual) == len(shape) and all(
            wanted in (-1, size) for wanted, size in zip(shape, actual, strict=True)
        )
        if not fits:
            raise ModelError(
                f"{self.path}: {name!r} has shape {actual}, not {tuple(shape)}; "
                "install the bundle again"
            )

    def __call__(self, **inputs: NDArray[Any]) -> dict[str, NDArray[Any]]:
        """Run the graph once.

        Raises:
            ModelError: the runtime cannot run it on these arrays.
        """
        try:
            return self._runner(**inputs)
        except (ValueError, RuntimeError) as error:
            raise ModelError(
                f"{self.path}: cannot be run ({error}); install the bundle again"
            ) from error


@dataclass(frozen=True, slots=True, eq=False)
class EncoderState:
    """What the encoder remembers; never changed in place."""

    context: Floats  # (1, 3, 80): the last features, which the convolutions still need
    keys: Floats  # (layers, left, width): attention keys of the frames before
    values: Floats  # (layers, left, width)
    position: NDArray[np.int32]  # (1,): encoder frames before


class Encoder:
    """Log-mel frames to encoder frames, a chunk at a time."""

    def __init__(self, path: Path, threads: int, runtime: str = "auto") -> None:
        """Load the graph; raises ModelError."""
        state = ("context", "keys", "values", "position")
        following = tuple(f"{name}_out" for name in state)
        self._graph = Graph(path, ("features", *state), ("frames", *following), threads, runtime)
        self._graph.expect("features", (1, -1, BANDS))
        self._graph.expect("context", (1, -1, BANDS))
        self._graph.expect("frames", (1, -1, -1))
        for before, after in zip(state, following, strict=True):
            self._graph.expect(after, self._graph.shape(before))
        self.chunk = self._graph.shape("features")[1]  # feature frames of one step
        self.frames = self._graph.shape("frames")[1:]  # (frames, width) that one step gives

    def initial_state(self) -> EncoderState:
        """Return the state before the first chunk: silence."""
        shape = self._graph.shape
        return EncoderState(
            np.full(shape("context"), SILENCE, np.float32),
            np.zeros(shape("keys"), np.float32),
            np.zeros(shape("values"), np.float32),
            np.zeros(shape("position"), np.int32),
        )

    def step(self, state: EncoderState, features: Floats) -> tuple[EncoderState, Floats]:
        """Encode one chunk.

        Args:
            state: after the chunk before.
            features: (chunk, 80) float32.

        Returns:
            The next state, and encoder frames (frames, width) float32.
        """
        out = self._graph(
            features=features[np.newaxis],
            context=state.context,
            keys=state.keys,
            values=state.values,
            position=state.position,
        )
        following = EncoderState(
            out["context_out"], out["keys_out"], out["values_out"], out["position_out"]
        )
        frames: Floats = out["frames"][0]
        return following, frames


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
        """See `auricle.recognizer.search.Scorer`."""
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
