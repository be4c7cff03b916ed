"""The TFLite graphs compute what PyTorch does, chunk by chunk, in both runtimes."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch

from auricle.features import SILENCE
from auricle.recognizer.networks import Encoder, TransducerScorer
from auricle_train.export import export
from auricle_train.network import STRIDE, Shape, Transducer

SHAPE = Shape(
    vocabulary=40, layers=2, width=64, heads=4, hidden=128, positions=60, chunk=8, left=16,
    joint=48, embedding=24,
)  # fmt: skip
RUNTIMES = ("ai_edge_litert", "tflite_runtime")


@pytest.fixture(scope="module")
def model() -> Transducer:
    torch.manual_seed(0)
    model = Transducer(SHAPE).eval()
    torch.nn.init.normal_(model.encoder.positions, std=0.5)
    torch.nn.init.normal_(model.predict.weight, std=0.3)
    return model


@pytest.fixture(scope="module", params=[False, True], ids=["float", "int8"])
def graphs(
    request: pytest.FixtureRequest, model: Transducer, tmp_path_factory: pytest.TempPathFactory
) -> tuple[Path, float]:
    """The folder of the graphs, and the relative squared error that is allowed."""
    folder = tmp_path_factory.mktemp("graphs")
    weights = {name: value.numpy() for name, value in model.state_dict().items()}
    export(SHAPE, weights, folder, quantize=request.param)
    return folder, 0.02 if request.param else 1e-8


@pytest.mark.parametrize("runtime", RUNTIMES)
def test_the_encoder_streams_what_pytorch_computes_at_once(
    model: Transducer, graphs: tuple[Path, float], runtime: str
) -> None:
    folder, tolerance = graphs
    chunks = 11  # past the left context, and past the positions, which begin anew
    features = torch.randn(1, chunks * SHAPE.chunk * STRIDE, 80) * 0.3
    with torch.no_grad():
        expected = model.frames(model.encoder(features))[0].numpy()
    encoder = Encoder(folder / "encoder.tflite", threads=1, runtime=runtime)
    state, frames = encoder.initial_state(), []
    for chunk in features[0].numpy().reshape(chunks, encoder.chunk, 80):
        state, some = encoder.step(state, chunk)
        frames.append(some)
    ours = np.concatenate(frames)
    assert ours.shape == expected.shape
    assert np.mean((ours - expected) ** 2) / np.var(expected) < tolerance
    assert state.position[0] == chunks * SHAPE.chunk


@pytest.mark.parametrize("runtime", RUNTIMES)
def test_predictor_and_joint_score_as_pytorch_does(
    model: Transducer, graphs: tuple[Path, float], runtime: str
) -> None:
    folder, tolerance = graphs
    scorer = TransducerScorer(folder / "predictor.tflite", folder / "joint.tflite", 1, runtime)
    contexts = [(0, 0), (0, 7), (7, 39), (3, 3)]
    frame = torch.randn(1, SHAPE.joint)
    with torch.no_grad():
        logits = model.joint(frame, model.predictions(torch.tensor(contexts)))
    expected = logits.log_softmax(-1).numpy()
    ours = scorer.log_probs(frame[0].numpy(), contexts)
    assert np.mean((ours - expected) ** 2) / np.var(expected) < tolerance


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
