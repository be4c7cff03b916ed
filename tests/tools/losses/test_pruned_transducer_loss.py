"""The pruned transducer loss is the whole one where the band holds all paths, and near it else."""

from __future__ import annotations

import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import nn

from auricle_train.losses.pruned_transducer_loss import (
    SimpleJoint,
    band_starts,
    pruned_transducer_loss,
)
from auricle_train.losses.transducer_loss import occupancies, transducer_loss

JOINT, TOKENS = 12, 7


def make(batch: int, frames: int, tokens: int, seed: int) -> tuple[torch.Tensor, ...]:
    torch.manual_seed(seed)
    return (
        torch.randn(batch, frames, JOINT, requires_grad=True),
        torch.randn(batch, tokens + 1, JOINT, requires_grad=True),
        torch.randint(1, TOKENS, (batch, tokens)),
    )


def whole_loss(
    frames: torch.Tensor, predictions: torch.Tensor, output: nn.Linear, targets: torch.Tensor,
    counts: torch.Tensor, tokens: torch.Tensor,
) -> torch.Tensor:  # fmt: skip
    scores = output(torch.tanh(frames[:, :, None] + predictions[:, None])).log_softmax(-1)
    wanted = targets[:, None, :, None].expand(-1, frames.shape[1], -1, 1)
    return transducer_loss(
        scores[..., 0], scores[:, :, :-1].gather(-1, wanted)[..., 0], counts, tokens
    )


@settings(deadline=None, max_examples=25)
@given(
    sizes=st.lists(st.tuples(st.integers(2, 7), st.integers(0, 4)), min_size=1, max_size=3),
    seed=st.integers(0, 1000),
)
def test_a_band_as_wide_as_the_text_gives_the_whole_loss(
    sizes: list[tuple[int, int]], seed: int
) -> None:
    counts, tokens = (torch.tensor(column) for column in zip(*sizes, strict=True))
    frames, predictions, targets = make(
        len(sizes), int(counts.max()), max(1, int(tokens.max())), seed
    )
    output, simple = nn.Linear(JOINT, TOKENS), SimpleJoint(JOINT, JOINT, TOKENS)
    found = pruned_transducer_loss(
        frames, predictions, output, simple(frames, predictions, targets), targets,
        (counts, tokens), band=6,
    )  # fmt: skip
    expected = whole_loss(frames, predictions, output, targets, counts, tokens)
    torch.testing.assert_close(found.pruned, expected, rtol=1e-4, atol=1e-4)
    ours = torch.autograd.grad(found.pruned.sum(), frames, retain_graph=True)[0]
    theirs = torch.autograd.grad(expected.sum(), frames)[0]
    torch.testing.assert_close(ours, theirs, rtol=1e-3, atol=1e-4)


def test_the_simple_loss_is_that_of_its_own_joint_with_its_gradient() -> None:
    frames, predictions, targets = make(2, 6, 3, 1)
    output, simple = nn.Linear(JOINT, TOKENS), SimpleJoint(JOINT, JOINT, TOKENS)
    counts, tokens = torch.tensor([6, 4]), torch.tensor([3, 2])
    given_ = simple(frames, predictions, targets)
    found = pruned_transducer_loss(
        frames, predictions, output, given_, targets, (counts, tokens), band=3
    ).simple
    expected = transducer_loss(*simple(frames, predictions, targets), counts, tokens)
    torch.testing.assert_close(found, expected)
    ours = torch.autograd.grad(found.sum(), simple.frames.weight, retain_graph=True)[0]
    theirs = torch.autograd.grad(expected.sum(), simple.frames.weight)[0]
    torch.testing.assert_close(ours, theirs)


def test_the_simple_joint_gives_probabilities() -> None:
    frames, predictions, targets = make(1, 3, 2, 4)
    simple = SimpleJoint(JOINT, JOINT, TOKENS)
    blank, emit = simple(frames, predictions, targets)
    logits = simple.frames(frames)[:, :, None] + simple.predictions(predictions)[:, None]
    expected = logits.log_softmax(-1)
    torch.testing.assert_close(blank, expected[..., 0])
    wanted = targets[:, None, :, None].expand(-1, 3, -1, 1)
    torch.testing.assert_close(emit, expected[:, :, :-1].gather(-1, wanted)[..., 0])


@settings(deadline=None, max_examples=50)
@given(
    frames=st.integers(4, 20), tokens=st.integers(0, 12), band=st.integers(2, 5),
    seed=st.integers(0, 1000),
)  # fmt: skip
def test_bands_never_fall_back_and_always_overlap(
    frames: int, tokens: int, band: int, seed: int
) -> None:
    torch.manual_seed(seed)
    tokens = min(tokens, frames)
    places = max(tokens + 1, band)
    scores = torch.randn(1, frames, places, 3).log_softmax(-1)
    counts, lengths = torch.tensor([frames]), torch.tensor([tokens])
    found = occupancies(scores[..., 0], scores[:, :, :-1, 1], counts, lengths)
    starts = band_starts(found, counts, lengths, band)[0]
    steps = starts.diff()
    assert starts[0] == 0
    assert bool((steps >= 0).all())
    assert bool((steps < band).all())
    assert starts[-1] <= tokens < starts[-1] + band


def test_a_narrow_band_costs_little_where_paths_are_clear() -> None:
    torch.manual_seed(0)
    frames = torch.zeros(1, 12, JOINT)
    targets = torch.tensor([[1, 2, 3, 4, 5, 6]])
    for place in range(6):
        frames[0, 2 * place, place + 1] = 6.0
        frames[0, 2 * place + 1, 0] = 6.0
    output, simple = nn.Linear(JOINT, TOKENS), SimpleJoint(JOINT, JOINT, TOKENS)
    with torch.no_grad():
        for head in (output, simple.frames):
            head.weight.zero_()
            head.weight[:, :TOKENS] = 4.0 * torch.eye(TOKENS)
            head.bias.zero_()
        simple.predictions.weight.zero_()
    predictions = torch.zeros(1, 7, JOINT)
    lengths = torch.tensor([12]), torch.tensor([6])
    found = pruned_transducer_loss(
        frames, predictions, output, simple(frames, predictions, targets), targets, lengths, band=3
    )
    expected = whole_loss(frames, predictions, output, targets, *lengths)
    assert abs(found.pruned.item() - expected.item()) < 0.05 * expected.item()
