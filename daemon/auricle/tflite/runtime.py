"""The TensorFlow Lite runtime: one typed interface to the two packages that provide it.

In: a model file, gzip-compressed or not, or its bytes. Out: an interpreter with allocated tensors.
`ai_edge_litert` is preferred to the older `tflite_runtime`, which many devices still have.
"""

from __future__ import annotations

import gzip
import importlib
import importlib.util
import zlib
from collections.abc import Callable, Sequence
from mmap import ACCESS_READ, mmap
from pathlib import Path
from typing import Any, Protocol, cast

from numpy.typing import NDArray

from auricle.errors import ArgumentError, ModelError
from auricle.tflite.native_log import without_informational_lines
from auricle.tflite.verify import is_whole

RUNTIMES = ("ai_edge_litert", "tflite_runtime")  # in the order of preference
PACKED = ".gz"  # suffix of a compressed model
LARGEST = 256 * 1024 * 1024  # largest uncompressed model, in bytes


class SignatureRunner(Protocol):
    """One signature of a model, called with arrays by name."""

    def __call__(self, **inputs: NDArray[Any]) -> dict[str, NDArray[Any]]:
        """Run the signature; return its outputs by name."""
        ...

    def get_input_details(self) -> dict[str, dict[str, Any]]:
        """Return name, shape, dtype and quantization of each input."""
        ...

    def get_output_details(self) -> dict[str, dict[str, Any]]:
        """Return name, shape, dtype and quantization of each output."""
        ...


class Interpreter(Protocol):
    """A loaded model: the methods that both runtimes have."""

    def get_input_details(self) -> list[dict[str, Any]]:
        """Return index, shape, dtype and quantization of each input tensor."""
        ...

    def get_output_details(self) -> list[dict[str, Any]]:
        """Return index, shape, dtype and quantization of each output tensor."""
        ...

    def set_tensor(self, tensor_index: int, value: NDArray[Any]) -> None:
        """Copy an array into an input tensor."""
        ...

    def get_tensor(self, tensor_index: int) -> NDArray[Any]:
        """Return a copy of a tensor."""
        ...

    def tensor(self, tensor_index: int) -> Callable[[], NDArray[Any]]:
        """Return a function that returns a view of a tensor; drop the view before a run."""
        ...

    def resize_tensor_input(self, input_index: int, tensor_size: Sequence[int]) -> None:
        """Change the shape of an input; takes effect with `allocate_tensors`."""
        ...

    def allocate_tensors(self) -> None:
        """Allocate all tensors; their old values are lost."""
        ...

    def invoke(self) -> None:
        """Run the graph."""
        ...

    def get_signature_list(self) -> dict[str, Any]:
        """Return the names of inputs and outputs of each signature."""
        ...

    def get_signature_runner(self, signature_key: str | None = None) -> SignatureRunner:
        """Return the callable of a signature."""
        ...


def load_interpreter(model: Path | bytes, threads: int, runtime: str = "auto") -> Interpreter:
    """Load a TFLite model and allocate its tensors.

    Args:
        model: the file or its content. An uncompressed file is mapped into memory.
        threads: threads for one run of the graph.
        runtime: one of `RUNTIMES`, or "auto" for the first that is installed.

    Raises:
        ArgumentError: `threads` is below 1, or `runtime` is unknown.
        ModelError: the model is missing, empty or damaged, or the runtime is not installed.
    """
    if threads < 1:
        raise ArgumentError(f"threads is {threads}; it must be 1 or more.")
    factory = importlib.import_module(f"{find_runtime(runtime)}.interpreter").Interpreter
    name = str(model) if isinstance(model, Path) else f"of {len(model)} bytes"
    try:
        if isinstance(model, Path) and model.suffix == PACKED:
            model = unpack(model)
        with without_informational_lines():
            interpreter = _make_interpreter(factory, model, threads)
    except (ValueError, RuntimeError) as error:
        raise ModelError(
            f"The model {name} is damaged or not a TFLite model; install it again."
        ) from error
    except OSError as error:
        raise ModelError(
            f"The model {name} cannot be read ({error.strerror}); install it again."
        ) from error
    return cast("Interpreter", interpreter)


def _make_interpreter(factory: Any, model: Path | bytes, threads: int) -> Any:
    """Return an interpreter with allocated tensors."""
    if isinstance(model, Path):
        check_file(model)
        interpreter = factory(model_path=str(model), num_threads=threads)
    else:
        check_content(model)
        interpreter = factory(model_content=model, num_threads=threads)
    interpreter.allocate_tensors()
    return interpreter


def unpack(path: Path) -> bytes:
    """Return the content of a gzip-compressed model.

    Raises:
        OSError: the file cannot be read.
        ValueError: it is damaged, not gzip-compressed, or larger than `LARGEST`.
    """
    try:
        with gzip.open(path) as file:
            content = file.read(LARGEST + 1)
    except (EOFError, zlib.error, gzip.BadGzipFile) as error:
        raise ValueError("the model cannot be decompressed") from error
    if len(content) > LARGEST:
        raise ValueError(f"the decompressed model has more than {LARGEST} bytes")
    return content


def check_file(path: Path) -> None:
    """Raise OSError for a file that cannot be read, ValueError for a truncated one."""
    with path.open("rb") as file, mmap(file.fileno(), 0, access=ACCESS_READ) as content:
        check_content(content)


def check_content(content: bytes | mmap) -> None:
    """Raise ValueError for a truncated model."""
    if not is_whole(content):
        raise ValueError("the model is truncated")


def find_runtime(runtime: str = "auto") -> str:
    """Return the name of the package that runs the models.

    Raises:
        ArgumentError: `runtime` is neither "auto" nor one of `RUNTIMES`.
        ModelError: no such runtime is installed.
    """
    if runtime != "auto" and runtime not in RUNTIMES:
        raise ArgumentError(f"runtime is {runtime!r}; it must be auto, {' or '.join(RUNTIMES)}.")
    candidates = RUNTIMES if runtime == "auto" else (runtime,)
    for candidate in candidates:
        if importlib.util.find_spec(candidate) is not None:
            return candidate
    packages = " or ".join(name.replace("_", "-") for name in candidates)
    raise ModelError(f"No TFLite runtime is installed; install the Python package {packages}.")
