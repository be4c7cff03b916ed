"""The TFLite graphs compute what PyTorch does, chunk by chunk, in both runtimes."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from tensorflow.lite.tools import flatbuffer_utils
from torch.nn import functional

from auricle.errors import ArgumentError, ModelError
from auricle.features import BANDS, SILENCE
from auricle.recognizer.attention_decoder import AttentionDecoder
from auricle.recognizer.encoder import Encoder, TransducerScorer
from auricle_train.export.decoder import export_second_pass, share_table
from auricle_train.export.top import export_first_pass
from auricle_train.models.dimensions import PADDING
from auricle_train.models.top import Top, TopShape
from auricle_train.models.transducer import STRIDE, Shape, Transducer

SHAPE = Shape(
    vocabulary=40, layers=2, width=64, heads=4, hidden=128, positions=60, chunk=8, left=16,
    joint=48, embedding=24, branch=1, decoder_layers=2, pieces=50,
    second_encoder=True,
)  # fmt: skip
TOP = TopShape(
    encoder_width=64, layers=2, width=48, heads=4, hidden=96, chunk=2, left=4, vocabulary=40,
    joint=48, embedding=24,
)  # fmt: skip
RUNTIMES = ("ai_edge_litert", "tflite_runtime")


@pytest.fixture(scope="module")
def model() -> Transducer:
    torch.manual_seed(0)
    model = Transducer(SHAPE).eval()
    for encoder in (model.encoder, model.second_encoder):
        torch.nn.init.normal_(encoder.positions, std=0.5)
    torch.nn.init.normal_(model.predict.weight, std=0.3)
    for vectors in (model.decoder.prompt, model.decoder.positions):
        torch.nn.init.normal_(vectors, std=0.5)
    torch.nn.init.normal_(model.decoder.embedding.weight, std=0.3)
    return model


@pytest.fixture(scope="module")
def top() -> Top:
    torch.manual_seed(1)
    return Top(TOP).eval()


@pytest.fixture(scope="module", params=[False, True], ids=["float", "int8"])
def graphs(
    request: pytest.FixtureRequest,
    model: Transducer,
    top: Top,
    tmp_path_factory: pytest.TempPathFactory,
) -> tuple[Path, float]:
    """The folder of the graphs, and the relative squared error that is allowed."""
    folder = tmp_path_factory.mktemp("graphs")
    weights = {name: value.numpy() for name, value in model.state_dict().items()}
    both = weights | {f"top.{name}": value.numpy() for name, value in top.state_dict().items()}
    export_first_pass(SHAPE, TOP, both, folder, quantize=request.param)
    export_second_pass(SHAPE, weights, folder, quantize=request.param)
    return folder, 0.02 if request.param else 1e-8


def difference(ours: np.ndarray, expected: np.ndarray) -> float:
    """The squared error relative to the variance."""
    assert ours.shape == expected.shape
    return float(np.mean((ours - expected) ** 2) / np.var(expected))


def load_decoder(folder: Path, runtime: str) -> AttentionDecoder:
    return AttentionDecoder(folder / "memory.tflite", folder / "decoder.tflite", 1, runtime)


@pytest.mark.parametrize("runtime", RUNTIMES)
def test_the_encoder_streams_what_pytorch_computes_at_once(
    model: Transducer, top: Top, graphs: tuple[Path, float], runtime: str
) -> None:
    folder, tolerance = graphs
    chunks = 11  # past the left context, and past the positions, which begin anew
    features = torch.randn(1, chunks * SHAPE.chunk * STRIDE, 80) * 0.3
    with torch.no_grad():
        encoded = model.encoder(features)
        above = top.encode(encoded.reshape(1, chunks * TOP.chunk, -1))
        expected, ctc = top.project(above)[0].numpy(), top.ctc_log_probs(above)[0].numpy()
    encoder = Encoder(folder / "trunk.tflite", folder / "top.tflite", threads=1, runtime=runtime)
    state, parts = encoder.initial_state(), []
    for chunk in features[0].numpy().reshape(chunks, encoder.chunk, 80):
        state, part = encoder.step(state, chunk)
        parts.append(part)
    assert difference(np.concatenate([part.frames for part in parts]), expected) < tolerance
    assert difference(np.concatenate([part.ctc for part in parts]), ctc) < tolerance
    last = np.concatenate([part.encoded for part in parts])
    assert difference(last, encoded[0].numpy()) < tolerance
    assert state.position[0] == chunks * SHAPE.chunk


@pytest.mark.parametrize("runtime", RUNTIMES)
def test_predictor_and_joint_score_as_pytorch_does(
    top: Top, graphs: tuple[Path, float], runtime: str
) -> None:
    folder, tolerance = graphs
    scorer = TransducerScorer(folder / "predictor.tflite", folder / "joint.tflite", 1, runtime)
    contexts = [(0, 0), (0, 7), (7, 39), (3, 3)]
    frame = torch.randn(1, TOP.joint)
    with torch.no_grad():
        logits = top.joint(frame, top.predictions(torch.tensor(contexts)))
    expected = logits.log_softmax(-1).numpy()
    assert difference(scorer.log_probs(frame[0].numpy(), contexts), expected) < tolerance


def test_a_top_of_other_chunks_is_refused(model: Transducer, top: Top, tmp_path: Path) -> None:
    weights = {name: value.numpy() for name, value in model.state_dict().items()}
    for wrong in (replace(TOP, chunk=4), replace(TOP, streams=("trunk",))):
        with pytest.raises(ModelError, match="top: reads"):
            export_first_pass(SHAPE, wrong, weights, tmp_path)


@pytest.mark.parametrize("runtime", RUNTIMES)
def test_the_decoder_scores_step_by_step_what_pytorch_does_at_once(
    model: Transducer, graphs: tuple[Path, float], runtime: str
) -> None:
    folder, tolerance = graphs
    scorer = load_decoder(folder, runtime)
    count, first = 80, 3  # past the positions, with the silence that follows
    features = torch.randn(1, count, BANDS) * 0.3
    padded = functional.pad(features, (0, 0, 0, STRIDE * PADDING), value=SILENCE)
    heard = torch.ones(1, padded.shape[1] // STRIDE, dtype=torch.bool)
    heard[:, :first] = False
    pieces = torch.randint(1, SHAPE.pieces, (1, scorer.places))
    with torch.no_grad():
        encoded, _ = model.encode(padded)
        expected = model.decoder(encoded, heard, pieces).log_softmax(-1)[0].numpy()
    state, log_probs = scorer.begin(features[0].numpy(), first)
    scores = [log_probs[0]]
    for piece in pieces[0].tolist():
        # The hypothesis that is compared has another one before it, in another row each time.
        others = len(scores) % scorer.rows
        parent = state.rows - 1
        state, log_probs = scorer.step(state, [7] * others + [piece], [0] * others + [parent])
        scores.append(log_probs[-1])
    assert difference(np.stack(scores), expected) < tolerance


@pytest.mark.parametrize("runtime", RUNTIMES)
def test_utterances_and_branches_do_not_disturb_each_other(
    graphs: tuple[Path, float], runtime: str
) -> None:
    scorer = load_decoder(graphs[0], runtime)
    generator = np.random.default_rng(0)
    features = generator.standard_normal((48, BANDS)).astype(np.float32)
    one, first = scorer.begin(features[:32])
    other, _ = scorer.begin(features, 2)
    branch, scores = scorer.step(one, [4, 5], [0, 0])
    scorer.step(scorer.step(branch, [8], [1])[0], [9], [0])
    scorer.step(other, [6], [0])
    np.testing.assert_array_equal(scorer.begin(features[:32])[1], first)
    np.testing.assert_array_equal(scorer.step(one, [5], [0])[1], scores[1:])
    alone, _ = scorer.step(one, [5], [0])
    np.testing.assert_array_equal(
        scorer.step(alone, [3], [0])[1], scorer.step(branch, [2, 3], [0, 1])[1][1:]
    )


def test_what_a_decoder_cannot_take_is_refused(graphs: tuple[Path, float]) -> None:
    scorer = load_decoder(graphs[0], "auto")
    features = np.zeros((STRIDE * (scorer.frames + 1), BANDS), np.float32)
    for first in (scorer.frames + 1, 0):
        with pytest.raises(ArgumentError, match=r"features hold \d+ frames; must be 1 to 262"):
            scorer.begin(features, first)
    state, _ = scorer.begin(features[:16])
    with pytest.raises(ArgumentError, match="pieces has 5 items; must be 1 to 4"):
        scorer.step(state, [1] * 5, [0] * 5)
    with pytest.raises(ModelError, match=r"decoder\.tflite: cannot be run"):
        scorer.step(state, [10**6], [0])
    for _ in range(scorer.places):
        state, _ = scorer.step(state, [1], [0])
    with pytest.raises(ArgumentError, match="more than 94 pieces"):
        scorer.step(state, [1], [0])


def test_the_table_of_the_pieces_is_in_the_file_once(graphs: tuple[Path, float]) -> None:
    model = flatbuffer_utils.read_model(str(graphs[0] / "decoder.tflite"))
    sizes = ([SHAPE.pieces, SHAPE.width], [SHAPE.pieces, 1, 1, SHAPE.width])
    tensors = [one for one in model.subgraphs[0].tensors if list(one.shape) in sizes]
    assert len(tensors) == 2
    assert len({one.buffer for one in tensors}) == 1
    length = len(model.buffers[tensors[0].buffer].data)
    assert length in (SHAPE.pieces * SHAPE.width, 4 * SHAPE.pieces * SHAPE.width)
    assert [len(one.data) for one in model.buffers if one.data is not None].count(length) == 1


def test_a_table_that_is_not_the_output_is_not_shared(graphs: tuple[Path, float]) -> None:
    with pytest.raises(ValueError, match=r"joint\.tflite: has no two constants of \[50, 64\]"):
        share_table(graphs[0] / "joint.tflite", [SHAPE.pieces, SHAPE.width])


def test_the_chunked_encoder_sees_nothing_of_later_chunks(model: Transducer) -> None:
    features = torch.randn(1, 5 * SHAPE.chunk * STRIDE, 80)
    changed = features.clone()
    changed[:, 3 * SHAPE.chunk * STRIDE :] = SILENCE
    with torch.no_grad():
        first, second = model.encoder(features), model.encoder(changed)
    torch.testing.assert_close(first[:, : 3 * SHAPE.chunk], second[:, : 3 * SHAPE.chunk])
    assert not torch.allclose(first[:, 3 * SHAPE.chunk :], second[:, 3 * SHAPE.chunk :])


def test_without_context_the_transducer_is_the_ctc_model() -> None:
    model = Transducer(SHAPE)
    frames = torch.randn(2, 5, SHAPE.joint)
    nothing = model.predictions(torch.zeros(2, 5, 2, dtype=torch.long))
    torch.testing.assert_close(model.joint(frames, nothing), model.ctc(frames))
