"""The transducer loss against a sum over all alignments, one by one."""

from __future__ import annotations

import numpy as np
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from auricle_train.losses.transducer_loss import transducer_loss


def brute_force(blank: np.ndarray, emit: np.ndarray) -> float:
    """Sum over all ways from the first node to the last blank."""
    frames, places = blank.shape

    def paths(frame: int, place: int) -> list[float]:
        if frame == frames:
            return [0.0] if place == places - 1 else []
        ways = [blank[frame, place] + rest for rest in paths(frame + 1, place)]
        if place < places - 1:
            ways += [emit[frame, place] + rest for rest in paths(frame, place + 1)]
        return ways

    return -float(np.logaddexp.reduce(paths(0, 0)))


@settings(deadline=None, max_examples=25)
@given(
    sizes=st.lists(st.tuples(st.integers(1, 5), st.integers(0, 4)), min_size=1, max_size=4),
    seed=st.integers(0, 10_000),
)
def test_the_loss_is_the_sum_over_all_alignments(sizes: list[tuple[int, int]], seed: int) -> None:
    torch.manual_seed(seed)
    frames, tokens = (torch.tensor(column) for column in zip(*sizes, strict=True))
    steps, places = int(frames.max()), int(tokens.max()) + 1
    scores = torch.randn(len(sizes), steps, places, 7, dtype=torch.float64).log_softmax(-1)
    blank, emit = scores[..., 0], scores[:, :, :-1, 3]
    losses = transducer_loss(blank, emit, frames, tokens)
    for row, (length, count) in enumerate(sizes):
        expected = brute_force(
            blank[row, :length, : count + 1].numpy(), emit[row, :length, :count].numpy()
        )
        assert abs(float(losses[row]) - expected) < 1e-9


def test_the_gradient_is_that_of_finite_differences() -> None:
    torch.manual_seed(0)
    logits = torch.randn(3, 4, 4, 5, dtype=torch.float64, requires_grad=True)

    def loss(logits: torch.Tensor) -> torch.Tensor:
        scores = logits.log_softmax(-1)
        return transducer_loss(
            scores[..., 0], scores[:, :, :-1, 2], torch.tensor([4, 2, 1]), torch.tensor([3, 1, 0])
        )

    assert torch.autograd.gradcheck(loss, logits)


def test_fast_emit_scales_the_gradient_of_tokens_alone() -> None:
    torch.manual_seed(1)
    scores = torch.randn(1, 3, 3, 4).log_softmax(-1)
    gradients = []
    for weight in (0.0, 0.5):
        blank = scores[..., 0].clone().requires_grad_()
        emit = scores[:, :, :-1, 1].clone().requires_grad_()
        transducer_loss(blank, emit, torch.tensor([3]), torch.tensor([2]), weight).sum().backward()
        gradients.append((blank.grad, emit.grad))
    torch.testing.assert_close(gradients[1][0], gradients[0][0])
    torch.testing.assert_close(gradients[1][1], 1.5 * gradients[0][1])


def test_long_utterances_stay_finite() -> None:
    scores = torch.full((1, 900, 121, 2), -30.0)
    loss = transducer_loss(
        scores[..., 0], scores[:, :, :-1, 1], torch.tensor([900]), torch.tensor([120])
    )
    assert torch.isfinite(loss).all()
