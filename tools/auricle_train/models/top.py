"""The top: transformer layers with 80 ms frames on the frozen encoder, with CTC and a transducer.

In: encoder frames of 20 ms, in stacks of four. Out: search frames of 80 ms, their CTC scores and
their projection for the joint. Attention is limited to the own chunk and a few seconds before it. A
causal convolution per layer replaces position encodings (as in the Conformer, arXiv:2005.08100).
The predictor is stateless (Ghodsi et al., ICASSP 2020), with two tokens of context.
"""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional

from auricle_train.losses.pruned_transducer_loss import (
    PrunedLoss,
    SimpleJoint,
    pruned_transducer_loss,
)
from auricle_train.models.attention import attend, chunk_mask
from auricle_train.models.transducer import contexts_of


@dataclass(frozen=True)
class TopShape:
    """Sizes of the top; stored in its checkpoints."""

    streams: tuple[str, ...] = ("encoder",)  # input streams, see `encoder_cache.STREAMS`
    stack: int = 4  # encoder frames (20 ms) per search frame
    encoder_width: int = 384  # width of one stream
    layers: int = 4
    width: int = 384
    heads: int = 6
    hidden: int = 1536
    kernel: int = 5  # search frames in the causal convolution
    chunk: int = 8  # search frames per attention chunk: 640 ms
    left: int = 64  # search frames of left context before the chunk: 5.12 s
    vocabulary: int = 512  # tokens, blank included
    joint: int = 512
    embedding: int = 256

    @property
    def inputs(self) -> int:
        """Width of a stack of encoder frames."""
        return self.stack * self.encoder_width * len(self.streams)

    def as_dict(self) -> dict[str, Any]:
        """Return the sizes by name."""
        return asdict(self) | {"streams": list(self.streams)}

    @classmethod
    def of(cls, saved: dict[str, Any]) -> TopShape:
        """Return the shape from the output of `as_dict`."""
        return cls(**(saved | {"streams": tuple(saved["streams"])}))


class TopBlock(nn.Module):
    """A pre-norm layer of convolution, attention and feed-forward network."""

    def __init__(self, shape: TopShape, dropout: float) -> None:
        super().__init__()
        width = shape.width
        self.heads, self.kernel, self.dropout = shape.heads, shape.kernel, dropout
        self.conv_norm = nn.LayerNorm(width)
        self.conv = nn.Conv1d(width, width, shape.kernel, groups=width)
        self.attention_norm = nn.LayerNorm(width)
        self.qkv = nn.Linear(width, 3 * width)
        self.out = nn.Linear(width, width)
        self.mlp_norm = nn.LayerNorm(width)
        self.up = nn.Linear(width, shape.hidden)
        self.down = nn.Linear(shape.hidden, width)

    def forward(self, x: Tensor, mask: Tensor) -> Tensor:
        """Return (batch, frames, width) for an input of that shape; `mask` as in `attend`."""
        batch, frames, width = x.shape
        near = functional.pad(self.conv_norm(x).transpose(1, 2), (self.kernel - 1, 0))
        x = x + functional.silu(self.conv(near)).transpose(1, 2)
        qkv = self.qkv(self.attention_norm(x)).view(batch, frames, 3, self.heads, -1)
        query, key, value = qkv.permute(2, 0, 3, 1, 4)
        seen = attend(query, key, value, mask).transpose(1, 2).reshape(batch, frames, width)
        x = x + self._drop(self.out(seen))
        hidden = functional.gelu(self.up(self.mlp_norm(x)))
        return x + self._drop(self.down(self._drop(hidden)))

    def _drop(self, x: Tensor) -> Tensor:
        return functional.dropout(x, self.dropout, self.training)


class Top(nn.Module):
    """The first pass above the frozen encoder; see the module docstring."""

    def __init__(self, shape: TopShape, dropout: float = 0.1) -> None:
        super().__init__()
        self.shape = shape
        self.input_norm = nn.LayerNorm(shape.inputs)
        self.input = nn.Linear(shape.inputs, shape.width)
        self.blocks = nn.ModuleList(TopBlock(shape, dropout) for _ in range(shape.layers))
        self.norm = nn.LayerNorm(shape.width)
        self.ctc = nn.Linear(shape.width, shape.vocabulary)
        self.project = nn.Linear(shape.width, shape.joint)
        self.embedding = nn.Embedding(shape.vocabulary, shape.embedding)
        self.context = nn.Linear(2 * shape.embedding, shape.joint)
        self.predict = nn.Linear(shape.joint, shape.joint)
        self.output = nn.Linear(shape.joint, shape.vocabulary)
        self.simple = SimpleJoint(shape.width, shape.joint, shape.vocabulary)  # training only

    def encode(self, stacked: Tensor) -> Tensor:
        """Map stacked encoder frames (batch, n, inputs) to search frames (batch, n, width)."""
        x = self.input(self.input_norm(stacked))
        mask = chunk_mask(x.shape[1], self.shape.chunk, self.shape.left, x.device)
        for block in self.blocks:
            x = block(x, mask)
        return self.norm(x)

    def ctc_log_probs(self, encoded: Tensor) -> Tensor:
        """Map (batch, n, width) to CTC log probabilities (batch, n, vocabulary), float32."""
        return self.ctc(encoded).float().log_softmax(-1)

    def predictions(self, contexts: Tensor) -> Tensor:
        """Map contexts (..., 2) int64, older token first, to predictor outputs (..., joint)."""
        embedded = self.embedding(contexts).flatten(-2)
        return self.predict(functional.relu(self.context(embedded)))

    def joint(self, frames: Tensor, predictions: Tensor) -> Tensor:
        """Return logits (..., vocabulary) of inputs that broadcast to (..., joint)."""
        return self.output(torch.tanh(frames + predictions))

    def transducer(
        self, encoded: Tensor, targets: Tensor, lengths: tuple[Tensor, Tensor], fast_emit: float
    ) -> PrunedLoss:
        """Return the losses of each utterance; see `pruned_transducer_loss`."""
        predictions = self.predictions(contexts_of(targets))
        return pruned_transducer_loss(
            self.project(encoded), predictions, self.output,
            self.simple(encoded, predictions, targets), targets, lengths, fast_emit,
        )  # fmt: skip
