"""The Python packages that provide the TensorFlow Lite runtime, without importing them."""

from __future__ import annotations

import importlib.util

from auricle.errors import ArgumentError, ModelError

RUNTIMES = ("ai_edge_litert", "tflite_runtime")  # in the order of preference


def find_runtime(runtime: str = "auto") -> str:
    """Return the name of the package that runs the models.

    Args:
        runtime: one of `RUNTIMES`, or "auto" for the first that is installed.

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
