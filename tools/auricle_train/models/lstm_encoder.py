"""LSTM encoder with projections, a streaming alternative to Whisper's encoder.

Its inputs and outputs are those of `transducer.Encoder`, so heads, decoder and teachers stay the
same. Four stacked feature frames are one input (arXiv:1904.01624 stacks three); each output is two
encoder frames. The output is delayed by `ahead` joint frames, so that it can use later audio.
"""

from __future__ import annotations

from typing import NamedTuple

import torch
from torch import Tensor, nn
from torch.nn import functional

from auricle.features import BANDS, SILENCE
from auricle_train.models.dimensions import STACK, STRIDE, Shape


class State(NamedTuple):
    """LSTM state of all layers; both tensors are (layers, 1, batch, cells)."""

    hidden: Tensor
    cells: Tensor


class Layer(nn.Module):
    """An LSTM layer with projection and layer norm."""

    def __init__(self, inputs: int, cells: int, width: int) -> None:
        super().__init__()
        # PyTorch's own LSTM projection, inside the recurrence, is three times slower on a CPU.
        self.lstm = nn.LSTM(inputs, cells, batch_first=True)
        self.project = nn.Linear(cells, width)
        self.norm = nn.LayerNorm(width)

    def forward(self, x: Tensor, hidden: Tensor, cells: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """Map (batch, n, inputs) and two states (1, batch, cells) to (batch, n, width), states."""
        x, (hidden, cells) = self.lstm(x, (hidden.to(x.dtype), cells.to(x.dtype)))
        return self.norm(self.project(x)), hidden, cells


class LstmEncoder(nn.Module):
    """Encodes features at once or step by step."""

    def __init__(self, shape: Shape) -> None:
        super().__init__()
        self.shape = shape
        inputs = [STRIDE * STACK * BANDS] + [shape.width] * (shape.layers - 1)
        self.layers = nn.ModuleList(Layer(size, shape.cells, shape.width) for size in inputs)
        self.out = nn.Linear(shape.width, STACK * shape.width)

    def initial_state(self, features: Tensor) -> State:
        """Return the initial state for the batch size and device of `features`."""
        zeros = features.new_zeros(len(self.layers), 1, len(features), self.shape.cells)
        return State(zeros, zeros)

    def forward(self, features: Tensor, offset: int = 0) -> Tensor:
        """Encode whole utterances.

        Args:
            features: (batch, frames, 80) float32; frames a multiple of STRIDE * STACK.
            offset: ignored; an LSTM has no position encoding.

        Returns:
            (batch, frames / STRIDE, width).
        """
        ahead = self.shape.ahead * STRIDE * STACK
        features = functional.pad(features, (0, 0, 0, ahead), value=SILENCE)
        encoded, _ = self.step(features, self.initial_state(features))
        return encoded[:, self.shape.ahead * STACK :]

    def step(self, features: Tensor, state: State) -> tuple[Tensor, State]:
        """Encode the next frames; the output is `ahead` joint frames late.

        Args:
            features: (batch, frames, 80) float32; frames a multiple of STRIDE * STACK.
            state: state after the previous step, or `initial_state`.

        Returns:
            (batch, frames / STRIDE, width) and the new state.
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
