"""Attention as plain products against PyTorch's own."""

from __future__ import annotations

import pytest
import torch
from torch.nn import functional

from auricle_train.models.attention import MASKED, attend


@pytest.mark.parametrize("masked", [False, True])
def test_attention_and_its_gradient_are_those_of_pytorch(masked: bool) -> None:
    torch.manual_seed(0)
    query, key, value = (
        torch.randn(2, 3, count, 8, dtype=torch.float64, requires_grad=True) for count in (5, 9, 9)
    )
    hidden = torch.rand(5, 9) < 0.4
    hidden[:, 0] = False
    mask = torch.where(hidden, MASKED, 0.0) if masked else None
    ours = attend(query, key, value, mask)
    theirs = functional.scaled_dot_product_attention(
        query, key, value, attn_mask=~hidden if masked else None
    )
    torch.testing.assert_close(ours, theirs)
    goal = torch.randn_like(ours)
    inputs = (query, key, value)
    for one, other in zip(
        torch.autograd.grad(ours, inputs, goal),
        torch.autograd.grad(theirs, inputs, goal),
        strict=True,
    ):
        torch.testing.assert_close(one, other)
