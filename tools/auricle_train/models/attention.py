"""Scaled dot-product attention, in the form that trains fastest on each kind of device."""

from __future__ import annotations

import torch
from torch import Tensor
from torch.nn import functional

MASKED = -1e4  # added to masked scores; fits bfloat16


def chunk_mask(frames: int, chunk: int, left: int, device: torch.device) -> Tensor:
    """Return the mask of chunked attention, (frames, frames): 0 or MASKED, added to scores.

    Args:
        frames: number of frames in the utterance.
        chunk: frames per chunk; they attend to each other.
        left: frames before the chunk that its frames attend to as well.
        device: device of the result.
    """
    index = torch.arange(frames, device=device)
    first = index // chunk * chunk
    later = index[None, :] >= first[:, None] + chunk
    earlier = index[None, :] < first[:, None] - left
    return torch.where(later | earlier, MASKED, 0.0)


def attend(query: Tensor, key: Tensor, value: Tensor, mask: Tensor | None) -> Tensor:
    """Return the attention output, (batch, heads, n, width).

    On a CPU, forward and backward through PyTorch's fused attention take two to three times as long
    as plain matrix products for short sequences.

    Args:
        query: (batch, heads, n, width).
        key: (batch, heads, m, width).
        value: (batch, heads, m, width).
        mask: broadcasts to (batch, heads, n, m): 0 where a query attends to a key, else MASKED.
    """
    if query.is_cuda:
        cast = None if mask is None else mask.to(query.dtype)
        return functional.scaled_dot_product_attention(query, key, value, attn_mask=cast)
    scores = torch.matmul(query * query.shape[-1] ** -0.5, key.transpose(-1, -2))
    if mask is not None:
        scores = scores + mask.to(scores.dtype)
    return torch.matmul(scores.softmax(-1).to(value.dtype), value)
