"""The network of a microWakeWord model, in the open "micro" format of version 2.

In: feature frames. Out: a probability for every `stride` of them, that the phrase just ended.

The format keeps the state of the network inside the graph, in resource variables (VAR_HANDLE,
READ_VARIABLE, ASSIGN_VARIABLE), which the runtime neither reads out nor resets: its
`reset_all_variables` reaches the older kind of variable tensors only. But these variables are
rings of past activations of convolutions, so that nothing older than two seconds has any
effect. The state is therefore given as what the network still remembers: the last feature
frames. To go on from a state that the graph is not in, it is made anew and hears them again.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from auricle.errors import ModelError
from auricle.tflite.runtime import load_interpreter
from auricle.wake.frontend import CHANNELS
from auricle.wake.metadata import Description, read_description

MEMORY_FRAMES = 200  # 2 s; the shipped models remember 1.49 to 1.79 s, and a test shows it
LARGEST_STRIDE = 100  # frames, 1 s: a detector that looks more seldom is of no use


@dataclass(frozen=True, slots=True, eq=False)
class MicroState:
    """All that a network remembers; `frames - pending` is a multiple of the stride."""

    features: NDArray[np.int8]  # (frames, 40) quantized, the last ones heard, at most 2 s
    pending: int  # how many at the end the network has not been given: fewer than a stride


@dataclass(frozen=True, slots=True)
class Quantization:
    """How a real number is stored: real = scale * (stored - zero_point)."""

    scale: float
    zero_point: int

    def store(self, values: NDArray[np.float32]) -> NDArray[np.int8]:
        """Return the values as int8, of the same shape, the nearest that there are."""
        stored = np.rint(values / self.scale + self.zero_point)
        integers: NDArray[np.int8] = np.minimum(np.maximum(stored, -128), 127).astype(np.int8)
        return integers


class MicroWakeWord:
    """A wake-word network, which streams: (frames, 40) float32 in, (steps,) float32 out.

    Args:
        description: what the JSON beside the network says.
        threads: how many threads one run of the graph may take.
        runtime: "auto", or a name of `auricle.tflite.runtime.RUNTIMES`.

    Raises:
        ModelError: the network is missing, damaged, or has other tensors than the format.
    """

    def __init__(self, description: Description, threads: int = 1, runtime: str = "auto") -> None:
        self.description = description
        self._threads = threads
        self._runtime = runtime
        self._interpreter = load_interpreter(description.network, threads, runtime)
        self._content = description.network.read_bytes()  # to make the graph anew
        self._reached = self.initial_state()
        source = str(description.network)
        details = single(self._interpreter.get_input_details(), source, "inputs")
        result = single(self._interpreter.get_output_details(), source, "outputs")
        self.stride = check_input(details, source)
        check_output(result, source)
        self._input: int = details["index"]
        self._output: int = result["index"]
        self._stored = read_quantization(details, source)
        self._probability = read_quantization(result, source)
        self.memory = MEMORY_FRAMES // self.stride * self.stride

    @property
    def name(self) -> str:
        """What the configuration calls it."""
        return self.description.name

    def initial_state(self) -> MicroState:
        """Return the state of a network that has heard nothing."""
        return MicroState(np.empty((0, CHANNELS), np.int8), 0)

    def remember(self, features: NDArray[np.float32]) -> MicroState:
        """Return the state after frames whose probabilities nobody asks for.

        Args:
            features: (frames, 40) float32, a whole number of strides; if older ones were heard
                before them, at least `memory` frames.
        """
        return MicroState(self._stored.store(features[-self.memory :]), 0)

    def step(
        self, state: MicroState, chunk: NDArray[np.float32]
    ) -> tuple[MicroState, NDArray[np.float32]]:
        """Hear some frames.

        Args:
            state: where to go on from; going on from the last one returned costs nothing extra.
            chunk: (frames, 40) float32 from `MicroFeatures`, any number of frames.

        Returns:
            The next state, and (steps,) float32: a probability for each stride completed.
        """
        if state is not self._reached:
            self._return_to(state)
        heard = np.concatenate((state.features, self._stored.store(chunk)))
        begin = len(state.features) - state.pending
        steps = (len(heard) - begin) // self.stride
        end = begin + steps * self.stride
        probabilities = self._run(heard[begin:end])
        self._reached = MicroState(heard[max(0, end - self.memory) :], len(heard) - end)
        return self._reached, probabilities

    def _return_to(self, state: MicroState) -> None:
        """Bring a new graph, its variables as they were at the beginning, into a state."""
        self._interpreter = load_interpreter(self._content, self._threads, self._runtime)
        self._run(state.features[: len(state.features) - state.pending])

    def _run(self, features: NDArray[np.int8]) -> NDArray[np.float32]:
        """Run the graph over (steps * stride, 40) int8; return (steps,) float32."""
        strides = features.reshape(-1, 1, self.stride, CHANNELS)
        probabilities = np.empty(len(strides), np.float32)
        for index, stride in enumerate(strides):
            self._interpreter.set_tensor(self._input, stride)
            self._interpreter.invoke()
            probabilities[index] = self._interpreter.get_tensor(self._output).item()
        return (probabilities - self._probability.zero_point) * np.float32(self._probability.scale)


def load_wake_word(path: Path, threads: int = 1, runtime: str = "auto") -> MicroWakeWord:
    """Load a wake-word model, given its JSON file.

    Raises:
        ModelError: either file is missing, damaged or not of the format.
    """
    return MicroWakeWord(read_description(path), threads, runtime)


def single(details: list[dict[str, Any]], source: str, what: str) -> dict[str, Any]:
    """Return the only tensor of a list."""
    if len(details) != 1:
        raise ModelError(
            f"{source} has {len(details)} {what}; a microWakeWord model has one. Install another."
        )
    return details[0]


def check_input(details: dict[str, Any], source: str) -> int:
    """Return how many frames the network takes at a time."""
    shape = tuple(int(size) for size in details["shape"])
    fits = len(shape) == 3 and shape[0] == 1 and shape[2] == CHANNELS
    if not fits or not 1 <= shape[1] <= LARGEST_STRIDE or details["dtype"] is not np.int8:
        raise ModelError(
            f"{source} takes {details['dtype'].__name__} of shape {shape}; a microWakeWord model "
            f"takes int8 of shape (1, frames, {CHANNELS}). Install a streaming, quantized one."
        )
    return shape[1]


def check_output(details: dict[str, Any], source: str) -> None:
    """Refuse a network that gives anything but one quantized probability."""
    shape = tuple(int(size) for size in details["shape"])
    if int(np.prod(shape)) != 1 or details["dtype"] not in (np.int8, np.uint8):
        raise ModelError(
            f"{source} gives {details['dtype'].__name__} of shape {shape}; a microWakeWord model "
            "gives one uint8 or int8. Install a streaming, quantized one."
        )


def read_quantization(details: dict[str, Any], source: str) -> Quantization:
    """Return the scale and the zero point of a tensor."""
    scale, zero_point = details["quantization"]
    if not scale > 0:
        raise ModelError(
            f"{source}: the tensor {details['name']} has the scale {scale:g}; it must be above 0. "
            "Install a quantized model."
        )
    return Quantization(float(scale), int(zero_point))
