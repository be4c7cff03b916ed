"""The TensorFlow Lite runtime: one typed interface to the two packages that provide it.

In: a model file, gzip-compressed or not, or its bytes. Out: an interpreter with allocated tensors.
`ai_edge_litert` is preferred to the older `tflite_runtime`, which many devices still have.
"""

from __future__ import annotations

import gzip
import importlib
import zlib
from collections.abc import Callable, Sequence
from mmap import ACCESS_READ, mmap
from pathlib import Path
from typing import Any, Protocol, cast

from numpy.typing import NDArray

from auricle.errors import ArgumentError, MalformedError, ModelError
from auricle.parsing.files import open_regular
from auricle.tflite.native_log import without_informational_lines
from auricle.tflite.packages import find_runtime
from auricle.tflite.values import find_fault
from auricle.tflite.verify import is_whole

PACKED = ".gz"  # suffix of a compressed model
LARGEST = 256 * 1024 * 1024  # largest uncompressed model, in bytes


class DamagedError(ValueError):
    """A model that its own checks refuse; the text says why."""


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


def load_interpreter(
    model: Path | bytes, threads: int, runtime: str = "auto", name: str = ""
) -> Interpreter:
    """Load a TFLite model and allocate its tensors.

    Args:
        model: the file or its content. An uncompressed file is mapped into memory.
        threads: threads for one run of the graph.
        runtime: see `find_runtime`.
        name: what error messages call the model; empty: its path or its size.

    Raises:
        ArgumentError: `threads` is below 1, or `runtime` is unknown.
        ModelError: the model is missing, empty or damaged, or the runtime is not installed.
    """
    if threads < 1:
        raise ArgumentError(f"threads is {threads}; it must be 1 or more.")
    factory = importlib.import_module(f"{find_runtime(runtime)}.interpreter").Interpreter
    name = name or (str(model) if isinstance(model, Path) else f"of {len(model)} bytes")
    try:
        if isinstance(model, Path) and model.suffix == PACKED:
            model = unpack(model)
        interpreter = _make_interpreter(factory, model, threads)
    except DamagedError as error:
        raise ModelError(
            f"The model {name} is damaged or not a TFLite model: {error}; install it again."
        ) from error
    except MalformedError as error:
        raise ModelError(f"The model {name} {error.remedy}, or install it again.") from error
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
        source: dict[str, Any] = {"model_path": str(model)}
    else:
        check_content(model)
        source = {"model_content": model}
    with without_informational_lines():
        interpreter = factory(**source, num_threads=threads)
        interpreter.allocate_tensors()
    return interpreter


def unpack(path: Path) -> bytes:
    """Return the content of a gzip-compressed model.

    Raises:
        OSError: the file cannot be read.
        MalformedError: it is not a regular file.
        DamagedError: it is damaged, not gzip-compressed, or larger than `LARGEST`.
    """
    try:
        with open_regular(path) as packed, gzip.GzipFile(fileobj=packed) as file:
            content = file.read(LARGEST + 1)
    except (EOFError, zlib.error, gzip.BadGzipFile) as error:
        raise DamagedError("it cannot be decompressed") from error
    if len(content) > LARGEST:
        raise DamagedError(f"it has more than {LARGEST} bytes when decompressed")
    return content


def check_file(path: Path) -> None:
    """Raise an error for a file that cannot be read or is damaged."""
    with open_regular(path) as file, mmap(file.fileno(), 0, access=ACCESS_READ) as content:
        check_content(content)


def check_content(content: bytes | mmap) -> None:
    """Raise DamagedError for a truncated model, or one with impossible numbers."""
    if not is_whole(content):
        raise DamagedError("it is truncated")
    fault = find_fault(content)
    if fault:
        raise DamagedError(fault)
