"""The transducer loss (Graves, arXiv:1211.3711), vectorised over batch and tokens.

In: log probabilities of blank and of the next token at each node of the (frame, token) grid.
Out: minus the log probability of the targets, summed over all alignments. The recurrence along the
tokens of a frame is linear and solved by a cumulative sum, so the only loop is over frames.
"""

from __future__ import annotations

from typing import Any, NamedTuple

import torch
from torch import Tensor


class Occupancies(NamedTuple):
    """Forward-backward results of a batch, float64."""

    total: Tensor  # (batch,) log probability of the targets
    blank: Tensor  # (batch, frames, tokens + 1) probability that a path takes blank at a node
    emit: Tensor  # (batch, frames, tokens) probability that it takes the next token there


@torch.no_grad()
def occupancies(blank: Tensor, emit: Tensor, frames: Tensor, tokens: Tensor) -> Occupancies:
    """Run forward-backward on the alignment grid; arguments as in `transducer_loss`."""
    batch, steps, places = blank.shape
    rows = torch.arange(batch, device=blank.device)
    blank, emit = blank.double(), emit.double()
    place = torch.arange(places, device=blank.device)
    # Padding tokens cannot be emitted.
    emit = emit.masked_fill(place[None, None, :-1] >= tokens[:, None, None], -1e4)
    alpha, beta = _forward(blank, emit), _backward(blank, emit, frames, tokens)
    total = alpha[rows, frames - 1, tokens] + blank[rows, frames - 1, tokens]
    left = frames[:, None, None] - 1 - torch.arange(steps, device=frames.device)[:, None]
    after_blank = beta[:, 1:].clone()
    after_blank[rows, frames - 1] = -1e9
    after_blank[rows, frames - 1, tokens] = 0.0
    norm, inside = total[:, None, None], left >= 0
    return Occupancies(
        total,
        torch.exp(alpha + blank + after_blank - norm) * inside,
        torch.exp(alpha[:, :, :-1] + emit + beta[:, :steps, 1:] - norm) * inside,
    )


def _forward(blank: Tensor, emit: Tensor) -> Tensor:
    """Return the log probability of reaching each node."""
    batch, steps, places = blank.shape
    travelled = _travelled(emit)
    alpha = torch.empty_like(blank)
    start = blank.new_full((batch, places), -1e9)
    start[:, 0] = 0.0
    for step in range(steps):
        along = travelled[:, step]
        alpha[:, step] = torch.logcumsumexp(start - along, dim=-1) + along
        start = alpha[:, step] + blank[:, step]
    return alpha


def _backward(blank: Tensor, emit: Tensor, frames: Tensor, tokens: Tensor) -> Tensor:
    """Return the log probability of the rest from each node, with one extra frame."""
    batch, steps, places = blank.shape
    place = torch.arange(places, device=blank.device)
    left = frames[:, None, None] - 1 - torch.arange(steps, device=frames.device)[:, None]
    is_end = (left == 0) & (place == tokens[:, None, None])
    travelled = _travelled(emit.flip(-1))
    beta = blank.new_full((batch, steps + 1, places), -1e9)
    for step in range(steps - 1, -1, -1):
        following = torch.where(left[:, step] > 0, beta[:, step + 1] + blank[:, step], -1e9)
        following = torch.where(is_end[:, step], blank[:, step], following)
        along = travelled[:, step]
        beta[:, step] = (torch.logcumsumexp(following.flip(-1) - along, dim=-1) + along).flip(-1)
    return beta


def _travelled(emit: Tensor) -> Tensor:
    """Return the summed log probabilities of the tokens before each position.

    It solves a[u] = logaddexp(entering[u], a[u - 1] + emit[u - 1]) for all u at once.
    """
    return torch.nn.functional.pad(emit.cumsum(-1), (1, 0))


class TransducerLoss(torch.autograd.Function):
    """See `transducer_loss`."""

    @staticmethod
    def forward(
        ctx: Any, blank: Tensor, emit: Tensor, frames: Tensor, tokens: Tensor, fast_emit: float
    ) -> Tensor:
        """See `transducer_loss`."""
        found = occupancies(blank, emit, frames, tokens)
        ctx.save_for_backward(found.blank.to(blank.dtype), found.emit.to(emit.dtype))
        ctx.fast_emit = fast_emit
        return -found.total.to(blank.dtype)

    @staticmethod
    def backward(ctx: Any, *gradients: Tensor) -> tuple[Tensor, Tensor, None, None, None]:
        """Scale the path probabilities by the incoming gradient."""
        to_blank, to_emit = ctx.saved_tensors
        scale = -gradients[0][:, None, None]
        return scale * to_blank, scale * (1.0 + ctx.fast_emit) * to_emit, None, None, None


def transducer_loss(
    blank: Tensor, emit: Tensor, frames: Tensor, tokens: Tensor, fast_emit: float = 0.0
) -> Tensor:
    """Return the loss of each utterance.

    Args:
        blank: (batch, frames, tokens + 1) log probability of blank at each node.
        emit: (batch, frames, tokens) log probability of the next target token at each node.
        frames: (batch,) int64, frames of each utterance, at least 1.
        tokens: (batch,) int64, tokens of each utterance.
        fast_emit: weight of FastEmit (Yu et al., arXiv:2010.11148), for earlier tokens.

    Returns:
        (batch,) minus log probability.
    """
    return TransducerLoss.apply(blank, emit, frames, tokens, fast_emit)
