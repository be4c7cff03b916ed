"""Loading TFLite models: valid, damaged and missing ones."""

from __future__ import annotations

import gzip
import importlib.util
from pathlib import Path

import numpy as np
import pytest

from auricle.errors import ArgumentError, ModelError
from auricle.tflite import runtime as tflite_runtime
from auricle.tflite.packages import find_runtime
from auricle.tflite.runtime import Interpreter, load_interpreter

ALEXA = Path(__file__).parents[2] / "models" / "wake" / "alexa.tflite"


def probability(interpreter: Interpreter) -> int:
    details, result = interpreter.get_input_details()[0], interpreter.get_output_details()[0]
    interpreter.set_tensor(details["index"], np.zeros(details["shape"], details["dtype"]))
    interpreter.invoke()
    return int(interpreter.get_tensor(result["index"]).item())


def test_a_model_runs_the_same_from_its_file_and_from_its_content() -> None:
    from_file = load_interpreter(ALEXA, threads=1)
    from_content = load_interpreter(ALEXA.read_bytes(), threads=2)
    assert probability(from_file) == probability(from_content)


def test_a_compressed_model_runs_the_same(tmp_path: Path) -> None:
    path = tmp_path / "alexa.tflite.gz"
    path.write_bytes(gzip.compress(ALEXA.read_bytes()))
    assert probability(load_interpreter(path, threads=1)) == probability(
        load_interpreter(ALEXA, threads=1)
    )


@pytest.mark.parametrize("damage", ["cut", "not packed", "flipped", "no model"])
def test_a_damaged_compressed_model_is_refused(tmp_path: Path, damage: str) -> None:
    packed = gzip.compress(ALEXA.read_bytes())
    middle = len(packed) // 2
    contents = {
        "cut": packed[:middle],
        "not packed": ALEXA.read_bytes(),
        "flipped": packed[:middle] + bytes([packed[middle] ^ 255]) + packed[middle + 1 :],
        "no model": gzip.compress(b"RIFF" + bytes(5000)),
    }
    path = tmp_path / "broken.tflite.gz"
    path.write_bytes(contents[damage])
    with pytest.raises(ModelError, match=r"broken\.tflite\.gz is damaged .* install it again"):
        load_interpreter(path, threads=1)


def test_a_compressed_model_that_would_fill_the_memory_is_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(tflite_runtime, "LARGEST", 10_000)
    path = tmp_path / "bomb.tflite.gz"
    path.write_bytes(gzip.compress(ALEXA.read_bytes()))
    with pytest.raises(ModelError, match="damaged"):
        load_interpreter(path, threads=1)


def test_signatures_are_named() -> None:
    interpreter = load_interpreter(ALEXA, threads=1)
    signatures = interpreter.get_signature_list()
    assert list(signatures) == ["serving_default"]
    runner = interpreter.get_signature_runner("serving_default")
    assert list(runner.get_input_details()) == signatures["serving_default"]["inputs"]
    assert list(runner.get_output_details()) == signatures["serving_default"]["outputs"]


@pytest.mark.parametrize("kept", [0, 4, 1000, 50_000, -1])
def test_a_truncated_model_is_refused(tmp_path: Path, kept: int) -> None:
    content = ALEXA.read_bytes()[:kept]
    path = tmp_path / "cut.tflite"
    path.write_bytes(content)
    with pytest.raises(ModelError, match=r"cut\.tflite is damaged .* install it again"):
        load_interpreter(path, threads=1)
    with pytest.raises(ModelError, match=f"of {len(content)} bytes is damaged"):
        load_interpreter(content, threads=1)


def test_a_file_that_is_not_a_model_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "song.tflite"
    path.write_bytes(b"RIFF" + bytes(5000))
    with pytest.raises(ModelError, match="damaged or not a TFLite model"):
        load_interpreter(path, threads=1)


def test_a_missing_model_is_named(tmp_path: Path) -> None:
    with pytest.raises(ModelError, match=r"lost\.tflite cannot be read \(No such file"):
        load_interpreter(tmp_path / "lost.tflite", threads=1)
    with pytest.raises(ModelError, match=r"cannot be read \(Is a directory\)"):
        load_interpreter(tmp_path, threads=1)


@pytest.mark.parametrize(("threads", "runtime"), [(0, "auto"), (1, "onnx")])
def test_impossible_arguments_are_refused(threads: int, runtime: str) -> None:
    with pytest.raises(ArgumentError, match=r"^(threads|runtime) is "):
        load_interpreter(ALEXA, threads, runtime)


def installed(monkeypatch: pytest.MonkeyPatch, *packages: str) -> None:
    monkeypatch.setattr(
        importlib.util, "find_spec", lambda name: object() if name in packages else None
    )


def test_the_newer_runtime_is_preferred(monkeypatch: pytest.MonkeyPatch) -> None:
    installed(monkeypatch, "ai_edge_litert", "tflite_runtime")
    assert find_runtime() == "ai_edge_litert"
    assert find_runtime("tflite_runtime") == "tflite_runtime"


def test_the_older_runtime_is_used_if_it_is_the_only_one(monkeypatch: pytest.MonkeyPatch) -> None:
    installed(monkeypatch, "tflite_runtime")
    assert find_runtime() == "tflite_runtime"


def test_a_missing_runtime_is_reported_with_a_remedy(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    installed(monkeypatch)
    with pytest.raises(ModelError, match="install the Python package ai-edge-litert or tflite-run"):
        find_runtime()
    with pytest.raises(ModelError, match=r"install the Python package tflite-runtime\."):
        find_runtime("tflite_runtime")
