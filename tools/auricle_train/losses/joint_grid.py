"""The joint at every node of the (frame, token) grid, in blocks that fit the processor's cache.

In: joint frames, predictor outputs and targets. Out: two log probabilities per node, as the
transducer loss needs them. The backward pass computes the logits again instead of storing them:
the logits of the full grid make transducers slow and large to train (Li et al., "Improving RNN
transducer modeling for end-to-end speech recognition", arXiv:1909.12415).
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import torch
from torch import Tensor

BLOCK_ROWS = 1536  # nodes per block


class NodeScores(torch.autograd.Function):
    """See `node_scores`."""

    @staticmethod
    def forward(
        ctx: Any, frames: Tensor, predictions: Tensor, weight: Tensor, bias: Tensor, targets: Tensor
    ) -> tuple[Tensor, Tensor]:
        """See `node_scores`."""
        batch, steps, _ = frames.shape
        places = predictions.shape[1]
        device = frames.device.type
        cast = torch.is_autocast_enabled(device)
        kind = torch.get_autocast_dtype(device) if cast else frames.dtype
        inputs = [item.detach().to(kind) for item in (frames, predictions, weight, bias)]
        wide = torch.promote_types(kind, torch.float32)
        total = frames.new_empty(batch, steps, places, dtype=wide)
        blank, emit = torch.empty_like(total), torch.empty_like(total[:, :, 1:])
        with torch.autocast(device, enabled=False):
            for block in _blocks(batch, steps, places):
                _, logits = _logits(inputs, block)
                total[:, block] = logits.logsumexp(-1)
                blank[:, block] = logits[..., 0] - total[:, block]
                wanted = targets[:, None, :, None].expand(-1, logits.shape[1], -1, 1)
                picked = logits[:, :, :-1].gather(-1, wanted)[..., 0]
                emit[:, block] = picked - total[:, block, :-1]
        ctx.save_for_backward(*inputs, targets, total)
        ctx.kinds = [item.dtype for item in (frames, predictions, weight, bias)]
        return blank, emit

    @staticmethod
    def backward(ctx: Any, *gradients: Tensor) -> tuple[Tensor | None, ...]:
        """Compute the logits again, block by block, and the gradients."""
        *inputs, targets, total = ctx.saved_tensors
        to_blank, to_emit = gradients
        weight = inputs[2]
        found = [torch.zeros_like(item, dtype=total.dtype) for item in inputs]
        batch, steps, places = total.shape
        leaving = -(to_blank + torch.nn.functional.pad(to_emit, (0, 1)))
        with torch.autocast(weight.device.type, enabled=False):
            for block in _blocks(batch, steps, places):
                hidden, logits = _logits(inputs, block)
                change = logits.sub_(total[:, block, :, None]).exp_()
                change *= leaving[:, block, :, None]
                change[..., 0] += to_blank[:, block]
                wanted = targets[:, None, :, None].expand(-1, change.shape[1], -1, 1)
                change[:, :, :-1].scatter_add_(-1, wanted, to_emit[:, block, :, None])
                rows = change.to(hidden.dtype).flatten(0, 2)
                flat = hidden.flatten(0, 2)
                found[2] += rows.T @ flat
                found[3] += change.sum((0, 1, 2))
                back = ((rows @ weight) * (1.0 - flat * flat)).view(hidden.shape).to(total.dtype)
                found[0][:, block] = back.sum(2)
                found[1] += back.sum(1)
        cast = [value.to(kind) for value, kind in zip(found, ctx.kinds, strict=True)]
        return (*cast, None)


def _blocks(batch: int, steps: int, places: int) -> Iterator[slice]:
    size = max(1, BLOCK_ROWS // (batch * places))
    for first in range(0, steps, size):
        yield slice(first, min(first + size, steps))


def _logits(inputs: list[Tensor], block: slice) -> tuple[Tensor, Tensor]:
    """Return the hidden layer in the inputs' type, and logits in at least float32."""
    frames, predictions, weight, bias = inputs
    hidden = torch.tanh(frames[:, block, None] + predictions[:, None])
    logits = torch.nn.functional.linear(hidden, weight, bias)
    return hidden, logits.to(torch.promote_types(logits.dtype, torch.float32))


def node_scores(
    frames: Tensor, predictions: Tensor, output: torch.nn.Linear, targets: Tensor
) -> tuple[Tensor, Tensor]:
    """Return log probabilities at each node.

    Args:
        frames: (batch, frames, joint), see `Transducer.frames`.
        predictions: (batch, tokens + 1, joint), see `Transducer.predictions`.
        output: last layer of the joint, joint -> vocabulary.
        targets: (batch, tokens) int64.

    Returns:
        Blank (batch, frames, tokens + 1) and next target token (batch, frames, tokens).
    """
    return NodeScores.apply(frames, predictions, output.weight, output.bias, targets)
