"""The rival of Whisper's encoder: LSTM layers with projections, which stream by nature.

In and out as `transducer.Encoder`, so that heads, decoder and teachers are the same. Four feature
frames make an input (the article that this follows stacks three: arXiv:1904.01624); each output is
the two encoder frames that stand in their place. It answers `ahead` frames late, for what it writes
about a frame leans on what follows.
"""

from __future__ import annotations

from typing import NamedTuple

import torch
from torch import Tensor, nn
from torch.nn import functional

from auricle.features import BANDS, SILENCE
from auricle_train.models.dimensions import STACK, STRIDE, Shape


class State(NamedTuple):
    """What each layer keeps: (layers, 1, batch, cells) both."""

    hidden: Tensor
    cells: Tensor


class Layer(nn.Module):
    """An LSTM layer, projected and normalised."""

    def __init__(self, inputs: int, cells: int, width: int) -> None:
        super().__init__()
        # Not LSTM's own projection, inside the recurrence: it takes three times as long on a CPU.
        self.lstm = nn.LSTM(inputs, cells, batch_first=True)
        self.project = nn.Linear(cells, width)
        self.norm = nn.LayerNorm(width)

    def forward(self, x: Tensor, hidden: Tensor, cells: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """(batch, n, inputs) and the state (1, batch, cells) twice -> (batch, n, width), state."""
        x, (hidden, cells) = self.lstm(x, (hidden.to(x.dtype), cells.to(x.dtype)))
        return self.norm(self.project(x)), hidden, cells


class LstmEncoder(nn.Module):
    """Features to encoder frames, whole or step by step."""

    def __init__(self, shape: Shape) -> None:
        super().__init__()
        self.shape = shape
        inputs = [STRIDE * STACK * BANDS] + [shape.width] * (shape.layers - 1)
        self.layers = nn.ModuleList(Layer(size, shape.cells, shape.width) for size in inputs)
        self.out = nn.Linear(shape.width, STACK * shape.width)

    def initial_state(self, features: Tensor) -> State:
        """Return the state before the first step, for features of this batch and device."""
        zeros = features.new_zeros(len(self.layers), 1, len(features), self.shape.cells)
        return State(zeros, zeros)

    def forward(self, features: Tensor, offset: int = 0) -> Tensor:
        """Encode whole utterances.

        Args:
            features: (batch, frames, 80) float32; frames a multiple of STRIDE * STACK.
            offset: position of the first frame; an LSTM knows of none.

        Returns:
            (batch, frames / STRIDE, width).
        """
        ahead = self.shape.ahead * STRIDE * STACK
        features = functional.pad(features, (0, 0, 0, ahead), value=SILENCE)
        encoded, _ = self.step(features, self.initial_state(features))
        return encoded[:, self.shape.ahead * STACK :]

    def step(self, features: Tensor, state: State) -> tuple[Tensor, State]:
        """Encode what comes next; the output is that of `ahead` frames of the joint before.

        Args:
            features: (batch, frames, 80) float32; frames a multiple of STRIDE * STACK.
            state: what the step before returned, or `initial_state`.

        Returns:
            (batch, frames / STRIDE, width) and the state.
        """
        batch, frames, _ = features.shape
        x = features.reshape(batch, frames // (STRIDE * STACK), -1)
        after = []
        for number, layer in enumerate(self.layers):
            y, *left = layer(x, state.hidden[number], state.cells[number])
            x = x + y if number else y
            after.append(left)
        hidden, cells = (torch.stack(part) for part in zip(*after, strict=True))
        return self.out(x).reshape(batch, frames // STRIDE, -1), State(hidden, cells)
