"""The networks of the shipped wake words, and files that hold no such network."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path

import flatbuffers
import numpy as np
import pytest
from ai_edge_litert import schema_py_generated as schema
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from auricle.audio.format import FRAME_SAMPLES, Samples
from auricle.errors import ModelError
from auricle.wake.frontend import MicroFeatures
from auricle.wake.micro_wake_word import MicroWakeWord, load_wake_word

Features = NDArray[np.float32]
Replace = Callable[[bytes | None], Path]


@pytest.fixture(scope="session")
def features(command: Samples) -> Features:
    """(frames, 40) float32 of the demo recording."""
    frontend = MicroFeatures()
    frames = command[: len(command) // FRAME_SAMPLES * FRAME_SAMPLES].reshape(-1, FRAME_SAMPLES)
    return np.concatenate([frontend.step(frame) for frame in frames])


def offline(word: MicroWakeWord, features: Features) -> list[float]:
    _, probabilities = word.step(word.initial_state(), features)
    return probabilities.tolist()


def test_a_probability_comes_for_every_stride(word: MicroWakeWord, features: Features) -> None:
    probabilities = offline(word, features)
    assert word.stride == 3
    assert len(probabilities) == len(features) // 3
    assert all(0 <= probability < 1 for probability in probabilities)


def test_only_the_word_that_is_said_is_heard(word: MicroWakeWord, features: Features) -> None:
    highest = max(offline(word, features))
    assert highest > 0.95 if word.name == "alexa" else highest < 0.5


@settings(max_examples=20, deadline=None, suppress_health_check=list(HealthCheck))
@given(sizes=st.lists(st.integers(0, 40), min_size=1))
def test_any_chunking_gives_the_same_probabilities(
    word: MicroWakeWord, features: Features, sizes: list[int]
) -> None:
    heard: list[float] = []
    state = word.initial_state()
    begin = 0
    for size in (*sizes, len(features)):
        state, probabilities = word.step(state, features[begin : begin + size])
        heard += probabilities.tolist()
        begin += size
    assert heard == offline(word, features)


def test_a_kept_state_can_be_gone_on_from_again(word: MicroWakeWord, features: Features) -> None:
    kept, before = word.step(word.initial_state(), features[:130])
    _, once = word.step(kept, features[130:])
    word.step(word.initial_state(), features[::-1].copy())
    _, again = word.step(kept, features[130:])
    assert again.tolist() == once.tolist()
    assert [*before.tolist(), *once.tolist()] == offline(word, features)


def test_a_state_is_not_changed_by_stepping(word: MicroWakeWord, features: Features) -> None:
    state, _ = word.step(word.initial_state(), features[:100])
    copy, pending = state.features.copy(), state.pending
    word.step(state, features[100:])
    assert (state.features == copy).all()
    assert state.pending == pending


def test_a_network_remembers_less_than_its_state_keeps(
    word: MicroWakeWord, features: Features
) -> None:
    """The claim behind `MicroState`, shown with two pasts as different as can be."""
    whole = offline(word, features)
    loud = np.full((300, 40), 25.9, np.float32)
    for begin in range(0, 300, 60):
        past = features[begin : begin + word.memory]
        after_loud, _ = word.step(word.initial_state(), np.concatenate((loud, past)))
        _, probabilities = word.step(after_loud, features[begin + word.memory :])
        assert probabilities.tolist() == whole[(begin + word.memory) // word.stride :]
        remembered = word.remember(features[: begin + word.memory])
        _, probabilities = word.step(remembered, features[begin + word.memory :])
        assert probabilities.tolist() == whole[(begin + word.memory) // word.stride :]


def test_impossible_features_are_clipped_not_wrapped(word: MicroWakeWord) -> None:
    state, _ = word.step(word.initial_state(), np.full((9, 40), 1e6, np.float32))
    assert (state.features == 127).all()


@pytest.fixture
def replace_network(models: Path, tmp_path: Path) -> Replace:
    """Return the JSON of a copy of a wake word whose network is other bytes, or missing."""

    def replace(content: bytes | None) -> Path:
        shutil.copy(models / "wake" / "alexa.json", tmp_path)
        if content is not None:
            (tmp_path / "alexa.tflite").write_bytes(content)
        return tmp_path / "alexa.json"

    return replace


def network(
    inputs: list[tuple[int, ...]],
    outputs: list[tuple[int, ...]],
    kind: int = schema.TensorType.INT8,
    scale: float | None = 0.1,
) -> bytes:
    """Return a network that copies each input into the output beside it, in another shape."""
    graph = schema.SubGraphT()
    graph.tensors = [tensor(shape, kind, scale) for shape in (*inputs, *outputs)]
    graph.inputs = list(range(len(inputs)))
    graph.outputs = list(range(len(inputs), len(graph.tensors)))
    graph.operators = [
        reshape(source, source + len(inputs), shape)
        for source, shape in zip(graph.inputs, outputs, strict=True)
    ]
    code = schema.OperatorCodeT()
    code.builtinCode = code.deprecatedBuiltinCode = schema.BuiltinOperator.RESHAPE
    code.version = 1
    model = schema.ModelT()
    model.version = 3
    model.operatorCodes = [code]
    model.subgraphs = [graph]
    model.buffers = [schema.BufferT()]
    builder = flatbuffers.Builder(1024)
    builder.Finish(model.Pack(builder), b"TFL3")
    return bytes(builder.Output())


def tensor(shape: tuple[int, ...], kind: int, scale: float | None) -> schema.TensorT:
    """Return a tensor, quantized unless `scale` is None."""
    made = schema.TensorT()
    made.name = f"tensor of {shape}".encode()
    made.shape = list(shape)
    made.type = kind
    made.buffer = 0
    if scale is not None:
        made.quantization = schema.QuantizationParametersT()
        made.quantization.scale = [scale]
        made.quantization.zeroPoint = [0]
    return made


def reshape(source: int, target: int, shape: tuple[int, ...]) -> schema.OperatorT:
    """Return the operator that copies one tensor into another, of another shape."""
    made = schema.OperatorT()
    made.opcodeIndex = 0
    made.inputs = [source]
    made.outputs = [target]
    made.builtinOptionsType = schema.BuiltinOptions.ReshapeOptions
    made.builtinOptions = schema.ReshapeOptionsT()
    made.builtinOptions.newShape = list(shape)
    return made


def test_a_missing_network_is_named(replace_network: Replace) -> None:
    with pytest.raises(ModelError, match=r"alexa\.tflite cannot be read \(No such file"):
        load_wake_word(replace_network(None))


def test_a_truncated_network_is_refused(models: Path, replace_network: Replace) -> None:
    content = (models / "wake" / "alexa.tflite").read_bytes()
    with pytest.raises(ModelError, match="damaged or not a TFLite model"):
        load_wake_word(replace_network(content[: len(content) // 2]))


@pytest.mark.parametrize(
    ("inputs", "outputs", "told"),
    [
        ([(1, 3, 41)], [(1, 123)], r"takes int8 of shape \(1, 3, 41\)"),
        ([(1, 120)], [(1, 120)], r"takes int8 of shape \(1, 120\)"),
        ([(2, 3, 40)], [(1, 240)], r"takes int8 of shape \(2, 3, 40\)"),
        ([(1, 200, 40)], [(1, 8000)], r"takes int8 of shape \(1, 200, 40\)"),
        ([(1, 3, 40)], [(1, 120)], r"gives int8 of shape \(1, 120\)"),
        ([(1, 3, 40), (1, 3)], [(1, 120), (3, 1)], "has 2 inputs; a microWakeWord model has one"),
    ],
)
def test_a_network_of_other_shapes_is_refused(
    replace_network: Replace,
    inputs: list[tuple[int, ...]],
    outputs: list[tuple[int, ...]],
    told: str,
) -> None:
    with pytest.raises(ModelError, match=rf"alexa\.tflite {told}"):
        load_wake_word(replace_network(network(inputs, outputs)))


def test_a_network_that_is_not_quantized_is_refused(replace_network: Replace) -> None:
    content = network([(1, 3, 40)], [(1, 120)], schema.TensorType.FLOAT32, scale=None)
    with pytest.raises(ModelError, match="takes float32 .* Install a streaming, quantized one"):
        load_wake_word(replace_network(content))
