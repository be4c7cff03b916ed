"""The joint at each node, in blocks, against the plain computation."""

from __future__ import annotations

import pytest
import torch
from torch import Tensor

from auricle_train.losses import joint_grid as module
from auricle_train.losses.joint_grid import NodeScores, node_scores

TARGETS = torch.tensor([[1, 2, 3], [4, 0, 0]])


@pytest.fixture(params=[20, 10_000], ids=["many blocks", "one block"])
def inputs(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> list[Tensor]:
    """(2, 7, 6) frames, (2, 4, 6) predictions, weight and bias of 6 -> 5."""
    monkeypatch.setattr(module, "BLOCK_ROWS", request.param)
    torch.manual_seed(0)
    shapes = [(2, 7, 6), (2, 4, 6), (5, 6), (5,)]
    return [torch.randn(shape, dtype=torch.float64, requires_grad=True) for shape in shapes]


def test_the_scores_are_those_of_the_whole_grid(inputs: list[Tensor]) -> None:
    frames, predictions, weight, bias = inputs
    grid = torch.tanh(frames[:, :, None] + predictions[:, None]) @ weight.T + bias
    expected = grid.log_softmax(-1)
    blank, emit = NodeScores.apply(*inputs, TARGETS)
    torch.testing.assert_close(blank, expected[..., 0])
    wanted = TARGETS[:, None, :, None].expand(-1, 7, -1, 1)
    torch.testing.assert_close(emit, expected[:, :, :-1].gather(-1, wanted)[..., 0])


def test_the_gradient_is_that_of_finite_differences(inputs: list[Tensor]) -> None:
    assert torch.autograd.gradcheck(lambda *tensors: NodeScores.apply(*tensors, TARGETS), inputs)


def test_half_precision_keeps_log_probabilities_in_single() -> None:
    torch.manual_seed(0)
    frames, predictions = torch.randn(2, 7, 6), torch.randn(2, 4, 6)
    output = torch.nn.Linear(6, 5)
    exact = node_scores(frames, predictions, output, TARGETS)
    with torch.autocast("cpu", torch.bfloat16):
        rough = node_scores(frames, predictions, output, TARGETS)
    for one, other in zip(exact, rough, strict=True):
        assert other.dtype == torch.float32
        torch.testing.assert_close(other, one, atol=0.05, rtol=0.02)
