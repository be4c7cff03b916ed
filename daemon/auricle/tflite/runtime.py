"""The TensorFlow Lite runtime: whichever of two is installed, behind one typed face.

In: a model file, which gzip may have packed, or its bytes. Out: an interpreter with its tensors
allocated. `ai_edge_litert` is taken before the older `tflite_runtime`, which devices may have had
for years.
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
from auricle.tflite.verify import is_whole

RUNTIMES = ("ai_edge_litert", "tflite_runtime")  # in the order of preference
PACKED = ".gz"  # how the name of a packed model ends
LARGEST = 256 * 1024 * 1024  # bytes of a model, unpacked


class SignatureRunner(Protocol):
    """One named entry of a model, called with arrays by name."""

    def __call__(self, **inputs: NDArray[Any]) -> dict[str, NDArray[Any]]:
        """Run the entry; return its outputs by name."""
        ...

    def get_input_details(self) -> dict[str, dict[str, Any]]:
        """Return name, shape, dtype and quantization of each input."""
        ...

    def get_output_details(self) -> dict[str, dict[str, Any]]:
        """Return name, shape, dtype and quantization of each output."""
        ...


class Interpreter(Protocol):
    """What both runtimes offer of a loaded model."""

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
        """Return a function that gives a tensor itself; it must be let go before a run."""
        ...

    def resize_tensor_input(self, input_index: int, tensor_size: Sequence[int]) -> None:
        """Give an input another shape, which `allocate_tensors` makes so."""
        ...

    def allocate_tensors(self) -> None:
        """Make room for all tensors; what was in them is lost."""
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
        model: the file, which is mapped into memory if it is not packed, or its content.
        threads: how many threads one run of the graph may take.
        runtime: one of `RUNTIMES`, or "auto" for the first that is installed.

    Raises:
        ArgumentError: `threads` or `runtime` is none that there is.
        ModelError: the model is missing, empty or damaged, or the runtime is not installed.
    """
    if threads < 1:
        raise ArgumentError(f"threads is {threads}; a model needs at least 1.")
    factory = importlib.import_module(f"{find_runtime(runtime)}.interpreter").Interpreter
    name = str(model) if isinstance(model, Path) else f"of {len(model)} bytes"
    try:
        if isinstance(model, Path) and model.suffix == PACKED:
            model = unpack(model)
        if isinstance(model, Path):
            check_file(model)
            interpreter = factory(model_path=str(model), num_threads=threads)
        else:
            check_content(model)
            interpreter = factory(model_content=model, num_threads=threads)
        interpreter.allocate_tensors()
    except (ValueError, RuntimeError) as error:
        raise ModelError(
            f"The model {name} is damaged or no TFLite model; install it again."
        ) from error
    except OSError as error:
        raise ModelError(
            f"The model {name} cannot be read ({error.strerror}); install it again."
        ) from error
    return cast("Interpreter", interpreter)


def unpack(path: Path) -> bytes:
    """Return the content of a packed model.

    Raises:
        OSError: the file cannot be read.
        ValueError: it is damaged, not packed by gzip, or larger than `LARGEST`.
    """
    try:
        with gzip.open(path) as file:
            content = file.read(LARGEST + 1)
    except (EOFError, zlib.error, gzip.BadGzipFile) as error:
        raise ValueError("it cannot be unpacked") from error
    if len(content) > LARGEST:
        raise ValueError(f"unpacked it has more than {LARGEST} bytes")
    return content


def check_file(path: Path) -> None:
    """Raise OSError for a file that cannot be read, ValueError for one that is not whole."""
    with path.open("rb") as file, mmap(file.fileno(), 0, access=ACCESS_READ) as content:
        check_content(content)


def check_content(content: bytes | mmap) -> None:
    """Raise ValueError for a model that is not whole."""
    if not is_whole(content):
        raise ValueError("some of it is missing")


def find_runtime(runtime: str = "auto") -> str:
    """Return the name of the package that runs the models.

    Raises:
        ArgumentError: `runtime` is neither "auto" nor one of `RUNTIMES`.
        ModelError: it is not installed.
    """
    if runtime != "auto" and runtime not in RUNTIMES:
        raise ArgumentError(f"runtime is {runtime!r}; it must be auto, {' or '.join(RUNTIMES)}.")
    candidates = RUNTIMES if runtime == "auto" else (runtime,)
    for candidate in candidates:
        if importlib.util.find_spec(candidate) is not None:
            return candidate
    packages = " or ".join(name.replace("_", "-") for name in candidates)
    raise ModelError(f"No TFLite runtime is installed; install the Python package {packages}.")
