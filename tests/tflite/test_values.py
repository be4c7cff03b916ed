"""Networks with NaN or with indices beyond their lists are refused before a runtime sees them."""

from __future__ import annotations

import struct
import time
from pathlib import Path

import flatbuffers
import pytest
from ai_edge_litert import schema_py_generated as schema

from auricle.errors import ModelError
from auricle.tflite.runtime import load_interpreter
from auricle.tflite.values import find_fault
from auricle.tflite.verify import is_whole

ALEXA = (Path(__file__).parents[2] / "models" / "wake" / "alexa.tflite").read_bytes()


def model(
    data: bytes, kind: int = schema.TensorType.FLOAT32, scale: float = 1.0, **indices: int
) -> bytes:
    """Return a network of one tensor with constant data and one operator."""
    tensor = schema.TensorT()
    tensor.name, tensor.shape, tensor.type = b"weights", [1], kind
    tensor.buffer = indices.get("buffer", 1)
    tensor.quantization = schema.QuantizationParametersT()
    tensor.quantization.scale, tensor.quantization.zeroPoint = [scale], [0]
    operator = schema.OperatorT()
    operator.opcodeIndex = indices.get("code", 0)
    operator.inputs, operator.outputs = [indices.get("tensor", 0)], [-1]
    graph = schema.SubGraphT()
    graph.tensors, graph.operators, graph.inputs, graph.outputs = [tensor], [operator], [], [0]
    made = schema.ModelT()
    made.version, made.subgraphs = 3, [graph]
    made.operatorCodes = [schema.OperatorCodeT()]
    made.buffers = [schema.BufferT(), schema.BufferT()]
    made.buffers[1].data = list(data)
    builder = flatbuffers.Builder(1024)
    builder.Finish(made.Pack(builder), b"TFL3")
    return bytes(builder.Output())


def test_a_sound_network_has_no_fault() -> None:
    assert find_fault(model(struct.pack("<f", 0.5))) == ""
    assert find_fault(model(struct.pack("<f", float("nan")), schema.TensorType.INT32)) == ""


@pytest.mark.parametrize("number", ["nan", "inf", "-inf"])
@pytest.mark.parametrize(
    ("form", "kind"),
    [
        ("<f", schema.TensorType.FLOAT32),
        ("<e", schema.TensorType.FLOAT16),
        ("<d", schema.TensorType.FLOAT64),
    ],
)
def test_a_weight_that_is_not_finite_is_found(form: str, kind: int, number: str) -> None:
    content = model(struct.pack(form, float(number)), kind)
    assert find_fault(content) == "tensor 0 contains a number that is not finite"
    with pytest.raises(ModelError, match="is damaged .*not finite; install it again"):
        load_interpreter(content, 1)


def test_a_scale_that_is_not_finite_is_found() -> None:
    content = model(b"\1", schema.TensorType.INT8, float("nan"))
    assert find_fault(content) == "tensor 0 has a scale that is not finite"


@pytest.mark.parametrize("indices", [{"buffer": 2}, {"code": 1}, {"tensor": 1}, {"tensor": -2}])
def test_an_index_beyond_its_list_is_found(indices: dict[str, int]) -> None:
    assert find_fault(model(struct.pack("<f", 0.5), **indices))


def test_a_part_of_a_number_is_found() -> None:
    assert find_fault(model(b"\0\0\0")) == "tensor 0 contains a number that is not finite"


@pytest.mark.parametrize(("count", "accepted"), [(2, True), (100_000, False)])
def test_tables_that_share_everything_end_the_check_early(count: int, accepted: bool) -> None:
    """A vector of the same subgraph many times over would take its size times as long."""
    content = ALEXA
    root = struct.unpack_from("<I", content)[0]
    vtable = root - struct.unpack_from("<i", content, root)[0]
    field = root + struct.unpack_from("<H", content, vtable + 4 + 2 * 2)[0]
    vector = field + struct.unpack_from("<I", content, field)[0]
    graph = vector + 4 + struct.unpack_from("<I", content, vector + 4)[0]
    base = 32 + 4 * count
    head = struct.pack("<I4sHHHHHHiII", 20, b"TFL3", 10, 8, 0, 0, 4, 0, 12, 4, count)
    offsets = (base + graph - place for place in range(32, base, 4))
    shared = head + b"".join(struct.pack("<I", offset) for offset in offsets) + content
    began = time.process_time()
    assert is_whole(shared) is accepted
    assert time.process_time() - began < 10  # 100,000 times 85 tensors take minutes
