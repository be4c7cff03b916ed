"""The transducer loss (Graves, arXiv:1211.3711), vectorised over batch and tokens.

In: log probabilities of blank and of the next token at each node of the (frame, token) grid.
Out: minus the log probability of the targets, summed over all alignments. The sum along the tokens
of a frame is a linear recurrence, solved at once by a cumulative sum, so only frames are looped.
"""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor


class TransducerLoss(torch.autograd.Function):
    """Forward-backward on the alignment grid, in float64; see `transducer_loss`."""

    @staticmethod
    def forward(
        ctx: Any, blank: Tensor, emit: Tensor, frames: Tensor, tokens: Tensor, fast_emit: float
    ) -> Tensor:
        """See `transducer_loss`."""
        batch, steps, places = blank.shape
        rows = torch.arange(batch, device=blank.device)
        blank64, emit64 = blank.double(), emit.double()
        place = torch.arange(places, device=blank.device)
        # Tokens beyond an utterance's own can't be emitted.
        emit64 = emit64.masked_fill(place[None, None, :-1] >= tokens[:, None, None], -1e4)
        alpha = torch.empty_like(blank64)
        start = blank64.new_full((batch, places), -1e9)
        start[:, 0] = 0.0
        for step in range(steps):
            alpha[:, step] = _along(start, emit64[:, step])
            start = alpha[:, step] + blank64[:, step]
        total = alpha[rows, frames - 1, tokens] + blank64[rows, frames - 1, tokens]
        left = frames[:, None, None] - 1 - torch.arange(steps, device=frames.device)[:, None]
        is_end = (left == 0) & (place == tokens[:, None, None])
        beta = blank64.new_full((batch, steps + 1, places), -1e9)
        for step in range(steps - 1, -1, -1):
            following = beta[:, step + 1] + blank64[:, step]
            following = torch.where(left[:, step] > 0, following, -1e9)
            following = torch.where(is_end[:, step], blank64[:, step], following)
            beta[:, step] = _along(following.flip(-1), emit64[:, step].flip(-1)).flip(-1)
        inside = left >= 0
        after_blank = beta[:, 1:].clone()
        after_blank[rows, frames - 1] = -1e9
        after_blank[rows, frames - 1, tokens] = 0.0
        norm = total[:, None, None]
        to_blank = torch.exp(alpha + blank64 + after_blank - norm) * inside
        to_emit = torch.exp(alpha[:, :, :-1] + emit64 + beta[:, :steps, 1:] - norm) * inside
        ctx.save_for_backward(to_blank.to(blank.dtype), to_emit.to(emit.dtype))
        ctx.fast_emit = fast_emit
        return -total.to(blank.dtype)

    @staticmethod
    def backward(ctx: Any, *gradients: Tensor) -> tuple[Tensor, Tensor, None, None, None]:
        """Scale the path probabilities by the incoming gradient."""
        to_blank, to_emit = ctx.saved_tensors
        scale = -gradients[0][:, None, None]
        return scale * to_blank, scale * (1.0 + ctx.fast_emit) * to_emit, None, None, None


def _along(entering: Tensor, emit: Tensor) -> Tensor:
    """Solve a[u] = logaddexp(entering[u], a[u - 1] + emit[u - 1]) for all u at once."""
    travelled = torch.nn.functional.pad(emit.cumsum(-1), (1, 0))
    return torch.logcumsumexp(entering - travelled, dim=-1) + travelled


def transducer_loss(
    blank: Tensor, emit: Tensor, frames: Tensor, tokens: Tensor, fast_emit: float = 0.0
) -> Tensor:
    """Return the loss of each utterance.

    Args:
        blank: (batch, frames, tokens + 1) log probability of blank at each node.
        emit: (batch, frames, tokens) log probability of the next target token at each node.
        frames: (batch,) int64, frames of each utterance, at least 1.
        tokens: (batch,) int64, tokens of each utterance.
        fast_emit: weight of FastEmit (Yu et al., arXiv:2010.11148), which favours early tokens.

    Returns:
        (batch,) minus log probability.
    """
    return TransducerLoss.apply(blank, emit, frames, tokens, fast_emit)
