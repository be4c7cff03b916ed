"""A TFLite graph of a bundle with named tensors.

In: a file and the names that its inputs and outputs must have. Out: a `Graph`, called with all
inputs each time, or a `ResidentGraph`, which keeps its inputs between runs. Every failure of the
runtime becomes a ModelError that names the file.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import cached_property
from pathlib import Path
from typing import Any

from numpy.typing import NDArray

from auricle.errors import ModelError
from auricle.tflite.runtime import SignatureRunner, load_interpreter


class LoadedGraph:
    """A TFLite graph with one signature; base of `Graph` and `ResidentGraph`."""

    def __init__(
        self,
        path: Path,
        inputs: Sequence[str],
        outputs: Sequence[str],
        threads: int,
        runtime: str,
    ) -> None:
        """Load the graph.

        Args:
            path: file to load.
            inputs: names of all inputs.
            outputs: names of all outputs.
            threads: threads for one run.
            runtime: see `load_interpreter`.

        Raises:
            ModelError: the file is missing or damaged, or its inputs or outputs have other names.
        """
        self.path = path
        self._interpreter = load_interpreter(path, threads, runtime)
        signatures = self._interpreter.get_signature_list()
        for kind, wanted in (("inputs", inputs), ("outputs", outputs)):
            names = sorted(name for one in signatures.values() for name in one[kind])
            if names != sorted(wanted):
                raise ModelError(
                    f"{path}: its {kind} are {names}, not {sorted(wanted)}: it is another "
                    "network; install the bundle again"
                )
        runner = self._interpreter.get_signature_runner()
        # No name is used for both an input and an output.
        self._details = runner.get_input_details() | runner.get_output_details()

    def shape(self, name: str) -> tuple[int, ...]:
        """Return the shape of an input or an output."""
        return tuple(int(size) for size in self._details[name]["shape"])

    def expect(self, name: str, shape: Sequence[int]) -> None:
        """Raise ModelError if an input or output has another shape; -1 matches any size."""
        actual = self.shape(name)
        fits = len(actual) == len(shape) and all(
            wanted in (-1, size) for wanted, size in zip(shape, actual, strict=True)
        )
        if not fits:
            raise ModelError(
                f"{self.path}: {name!r} has shape {actual}, not {tuple(shape)}; "
                "install the bundle again"
            )

    def _broken(self, error: Exception) -> ModelError:
        """Return the error for a graph that the runtime cannot run."""
        return ModelError(f"{self.path}: cannot be run ({error}); install the bundle again")


class Graph(LoadedGraph):
    """A graph that is called with all its inputs; dynamic dimensions may change between calls."""

    @cached_property
    def _runner(self) -> SignatureRunner:
        """The callable of its signature; once created, the interpreter cannot be resized."""
        return self._interpreter.get_signature_runner()

    def __call__(self, **inputs: NDArray[Any]) -> dict[str, NDArray[Any]]:
        """Run the graph once.

        Raises:
            ModelError: the runtime cannot run it on these arrays.
        """
        try:
            return self._runner(**inputs)
        except (ValueError, RuntimeError) as error:
            raise self._broken(error) from error


class ResidentGraph(LoadedGraph):
    """A graph whose inputs keep their values between runs, so only changes are written."""

    def resize(self, **shapes: Sequence[int]) -> None:
        """Change the shapes of inputs; sets all inputs to zero.

        Raises:
            ModelError: the graph cannot be run with these shapes.
        """
        try:
            for name, shape in shapes.items():
                self._interpreter.resize_tensor_input(self._details[name]["index"], shape)
            self._interpreter.allocate_tensors()
        except (ValueError, RuntimeError) as error:
            raise self._broken(error) from error
        for detail in self._interpreter.get_input_details():
            self._interpreter.tensor(detail["index"])()[...] = 0

    def input(self, name: str) -> NDArray[Any]:
        """Return a writable view of an input; drop it before the next run."""
        return self._interpreter.tensor(self._details[name]["index"])()

    def run(self) -> None:
        """Run the graph on the current values of its inputs.

        Raises:
            ModelError: the runtime cannot run it on these values.
        """
        try:
            self._interpreter.invoke()
        except (ValueError, RuntimeError) as error:
            raise self._broken(error) from error

    def output(self, name: str) -> NDArray[Any]:
        """Return a copy of an output of the last run."""
        return self._interpreter.get_tensor(self._details[name]["index"])
