"""Runs the network of a microWakeWord model, in the open "micro" format, version 2.

In: feature frames. Out: for every `stride` feature frames, the probability that the phrase just
ended.

The graph keeps its state in resource variables (VAR_HANDLE, READ_VARIABLE, ASSIGN_VARIABLE). The
runtime can neither read nor reset them: `reset_all_variables` only affects the older variable
tensors. The variables are ring buffers of past convolution activations, so input older than two
seconds has no effect. The state of this class is therefore the last feature frames. To continue
from another state, a new graph is loaded and processes these frames again.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from auricle.errors import ModelError
from auricle.tflite.runtime import Interpreter, load_interpreter
from auricle.wake.frontend import CHANNELS
from auricle.wake.metadata import Description
from auricle.wake.model_files import ModelFiles, read_model_files

MEMORY_FRAMES = 200  # 2 s; the shipped models need 1.49 to 1.79 s, which a test checks
LARGEST_STRIDE = 100  # feature frames, 1 s; a larger stride is useless for detection


@dataclass(frozen=True, slots=True, eq=False)
class MicroState:
    """The state of a network; `frames - pending` is a multiple of the stride."""

    features: NDArray[np.int8]  # (frames, 40) quantized: the last feature frames, at most 2 s
    pending: int  # number of frames at the end not yet processed, less than a stride


@dataclass(frozen=True, slots=True)
class Quantization:
    """An affine quantization: real = scale * (stored - zero_point)."""

    scale: float
    zero_point: int

    def store(self, values: NDArray[np.float32]) -> NDArray[np.int8]:
        """Quantize to the nearest int8; the shape stays the same."""
        stored = np.rint(values / self.scale + self.zero_point)
        integers: NDArray[np.int8] = np.minimum(np.maximum(stored, -128), 127).astype(np.int8)
        return integers


class MicroWakeWord:
    """A streaming wake-word network: (frames, 40) float32 in, (steps,) float32 out.

    Args:
        files: the checked metadata, and the network.
        threads: number of threads for one run of the graph.
        runtime: "auto", or a name from `auricle.tflite.packages.RUNTIMES`.

    Raises:
        ModelError: the network is damaged, cannot be run, or its tensors do not match the format.
    """

    def __init__(self, files: ModelFiles, threads: int = 1, runtime: str = "auto") -> None:
        self.description: Description = files.description
        self._threads = threads
        self._runtime = runtime
        self._content = files.network  # to load a new graph later
        self._interpreter = self._load()
        self._reached = self.initial_state()
        source = str(self.description.network)
        details = single(self._interpreter.get_input_details(), source, "inputs")
        result = single(self._interpreter.get_output_details(), source, "outputs")
        self.stride = check_input(details, source)
        check_output(result, source)
        self._input: int = details["index"]
        self._output: int = result["index"]
        self._stored = read_quantization(details, source)
        self._probability = read_quantization(result, source)
        self.memory = MEMORY_FRAMES // self.stride * self.stride
        self._try()

    @property
    def name(self) -> str:
        """Name of the model in the configuration."""
        return self.description.name

    def initial_state(self) -> MicroState:
        """Return the state before the first feature frame."""
        return MicroState(np.empty((0, CHANNELS), np.int8), 0)

    def remember(self, features: NDArray[np.float32]) -> MicroState:
        """Return the state after feature frames, without computing probabilities.

        Args:
            features: (frames, 40) float32, a whole number of strides; at least `memory` frames
                unless they are the first of the stream.
        """
        return MicroState(self._stored.store(features[-self.memory :]), 0)

    def step(
        self, state: MicroState, chunk: NDArray[np.float32]
    ) -> tuple[MicroState, NDArray[np.float32]]:
        """Process feature frames.

        Args:
            state: the state to continue from; only the last returned state has no extra cost.
            chunk: (frames, 40) float32 from `MicroFeatures`, any number of feature frames.

        Returns:
            The next state, and (steps,) float32: a probability for each completed stride.
        """
        if state is not self._reached:
            self._restore(state)
        features = np.concatenate((state.features, self._stored.store(chunk)))
        begin = len(state.features) - state.pending
        steps = (len(features) - begin) // self.stride
        end = begin + steps * self.stride
        probabilities = self._run(features[begin:end])
        self._reached = MicroState(features[max(0, end - self.memory) :], len(features) - end)
        return self._reached, probabilities

    def _restore(self, state: MicroState) -> None:
        """Load a new graph and bring its variables into `state`."""
        self._interpreter = self._load()
        self._run(state.features[: len(state.features) - state.pending])

    def _load(self) -> Interpreter:
        name = str(self.description.network)
        return load_interpreter(self._content, self._threads, self._runtime, name)

    def _try(self) -> None:
        """Run the graph once, so that one that fails does so now; then load it anew."""
        try:
            self._run(np.zeros((self.stride, CHANNELS), np.int8))
        except (ValueError, RuntimeError) as error:
            raise ModelError(
                f"{self.description.network} cannot be run ({error}); install the model again."
            ) from error
        self._interpreter = self._load()

    def _run(self, features: NDArray[np.int8]) -> NDArray[np.float32]:
        """Run the graph over (steps * stride, 40) int8; return (steps,) float32."""
        strides = features.reshape(-1, 1, self.stride, CHANNELS)
        probabilities = np.empty(len(strides), np.float32)
        for index, stride in enumerate(strides):
            self._interpreter.set_tensor(self._input, stride)
            self._interpreter.invoke()
            probabilities[index] = self._interpreter.get_tensor(self._output).item()
        return (probabilities - self._probability.zero_point) * np.float32(self._probability.scale)


def load_wake_word(
    path: Path, threads: int = 1, runtime: str = "auto", *, listed: bool = False
) -> MicroWakeWord:
    """Load a wake-word model from its JSON file.

    Args:
        path: the JSON file.
        threads: number of threads for one run of the graph.
        runtime: see `MicroWakeWord`.
        listed: whether a manifest must list the files; see `read_model_files`.

    Raises:
        ModelError: the JSON or the TFLite file is missing, damaged, in another format, or not the
            one of its manifest.
    """
    return MicroWakeWord(read_model_files(path, listed=listed), threads, runtime)


def single(details: list[dict[str, Any]], source: str, what: str) -> dict[str, Any]:
    """Return the only tensor of a list.

    Raises:
        ModelError: the count is not exactly one.
    """
    if len(details) != 1:
        raise ModelError(
            f"{source} has {len(details)} {what}; a microWakeWord model has one. Install another."
        )
    return details[0]


def check_input(details: dict[str, Any], source: str) -> int:
    """Return the stride: the number of feature frames per step.

    Raises:
        ModelError: the input tensor does not match the format.
    """
    shape = tuple(int(size) for size in details["shape"])
    fits = len(shape) == 3 and shape[0] == 1 and shape[2] == CHANNELS
    if not fits or not 1 <= shape[1] <= LARGEST_STRIDE or details["dtype"] is not np.int8:
        raise ModelError(
            f"{source} takes {details['dtype'].__name__} of shape {shape}; a microWakeWord model "
            f"takes int8 of shape (1, frames, {CHANNELS}). Install a streaming, quantized one."
        )
    return shape[1]


def check_output(details: dict[str, Any], source: str) -> None:
    """Raise ModelError unless the output is one quantized probability."""
    shape = tuple(int(size) for size in details["shape"])
    if int(np.prod(shape)) != 1 or details["dtype"] not in (np.int8, np.uint8):
        raise ModelError(
            f"{source} gives {details['dtype'].__name__} of shape {shape}; a microWakeWord model "
            "gives one uint8 or int8. Install a streaming, quantized one."
        )


def read_quantization(details: dict[str, Any], source: str) -> Quantization:
    """Return the quantization of a tensor.

    Raises:
        ModelError: the scale is not a finite number above 0.
    """
    scale, zero_point = details["quantization"]
    if not 0 < scale < math.inf:
        raise ModelError(
            f"{source}: the tensor {details['name']} has the scale {scale:g}; it must be above 0. "
            "Install a quantized model."
        )
    return Quantization(float(scale), int(zero_point))
