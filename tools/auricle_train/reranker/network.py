"""The reranker's language model for training: a causal Transformer in PyTorch.

In: tokens of sentences. Out: logits of each next token. The service computes the same in numpy
(`reranker.network`), which defines the names and shapes of the weights. A test checks that both
give the same result.
"""

from __future__ import annotations

from dataclasses import asdict

import torch
from torch import Tensor, nn
from torch.nn import functional

from reranker.network import EPSILON, Shape, rotations

SPREAD = 0.02  # standard deviation of initial weights


class Layer(nn.Module):
    """A Transformer layer: causal self-attention, then a feed-forward network."""

    def __init__(self, shape: Shape, dropout: float) -> None:
        super().__init__()
        self._heads, self._dropout = shape.heads, dropout
        self.attention_in = nn.Linear(shape.width, 3 * shape.width, bias=False)
        self.attention_out = nn.Linear(shape.width, shape.width, bias=False)
        self.hidden_in = nn.Linear(shape.width, shape.hidden, bias=False)
        self.hidden_out = nn.Linear(shape.hidden, shape.width, bias=False)
        self.attention_scale = nn.Parameter(torch.ones(shape.width))
        self.hidden_scale = nn.Parameter(torch.ones(shape.width))

    def forward(self, states: Tensor, turns: tuple[Tensor, Tensor]) -> Tensor:
        """Return states of the same shape, (sentences, tokens, width)."""
        drop = self._dropout if self.training else 0.0
        rows, count, width = states.shape
        mixed = self.attention_in(_level(states, self.attention_scale))
        parts = mixed.view(rows, count, 3, self._heads, -1).permute(2, 0, 3, 1, 4)
        query, key = (_turn(part, turns) for part in (parts[0], parts[1]))
        seen = functional.scaled_dot_product_attention(query, key, parts[2], is_causal=True)
        seen = seen.transpose(1, 2).reshape(rows, count, width)
        states = states + functional.dropout(self.attention_out(seen), drop)
        hidden = functional.relu(self.hidden_in(_level(states, self.hidden_scale))) ** 2
        return states + functional.dropout(self.hidden_out(hidden), drop)


class Transformer(nn.Module):
    """The language model."""

    def __init__(self, shape: Shape, dropout: float = 0.0) -> None:
        super().__init__()
        self.shape, self._dropout = shape, dropout
        self.embedding = nn.Embedding(shape.vocabulary, shape.width)
        self.layers = nn.ModuleList(Layer(shape, dropout) for _ in range(shape.layers))
        self.scale = nn.Parameter(torch.ones(shape.width))
        for weight in self.parameters():
            if weight.ndim > 1:
                nn.init.normal_(weight, std=SPREAD)
        for layer in self.layers:
            nn.init.zeros_(layer.attention_out.weight)
            nn.init.zeros_(layer.hidden_out.weight)

    def forward(self, tokens: Tensor) -> Tensor:
        """Return logits (sentences, tokens, vocabulary) for (sentences, tokens)."""
        drop = self._dropout if self.training else 0.0
        states = functional.dropout(self.embedding(tokens), drop)
        places = torch.arange(tokens.shape[1]).numpy()
        sine, cosine = (
            torch.from_numpy(part)
            for part in rotations(places, self.shape.width // self.shape.heads)
        )
        for layer in self.layers:
            states = layer(states, (sine, cosine))
        return functional.linear(_level(states, self.scale), self.embedding.weight)

    def described(self) -> dict[str, int]:
        """Return the shape for a checkpoint."""
        return asdict(self.shape)


def _level(states: Tensor, scale: Tensor) -> Tensor:
    states = states.float()
    power = states.square().mean(dim=-1, keepdim=True)
    return states * torch.rsqrt(power + EPSILON) * scale


def _turn(states: Tensor, turns: tuple[Tensor, Tensor]) -> Tensor:
    sine, cosine = turns
    first, second = states.float().chunk(2, dim=-1)
    turned = (first * cosine - second * sine, first * sine + second * cosine)
    return torch.cat(turned, dim=-1).to(states.dtype)
