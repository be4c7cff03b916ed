"""The top: transformer layers at 80 ms a frame on the frozen encoder, with CTC and a transducer.

In: encoder frames of 20 ms, stacked by four. Out: search frames of 80 ms, what CTC says of each,
and what the joint sees of it. Attention is limited to the own chunk and a few seconds before it; a
causal convolution in each layer tells places apart (as in the Conformer, arXiv:2005.08100). The
predictor is stateless (Ghodsi et al., ICASSP 2020): two tokens of context.
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
    """Sizes of the top; its checkpoint carries them."""

    streams: tuple[str, ...] = ("encoder",)  # of `encoder_cache.STREAMS`, which it reads
    stack: int = 4  # encoder frames (20 ms) to a search frame
    encoder_width: int = 384  # of one stream
    layers: int = 4
    width: int = 384
    heads: int = 6
    hidden: int = 1536
    kernel: int = 5  # search frames that the convolution sees, the last one included
    chunk: int = 8  # search frames that see each other: 640 ms
    left: int = 64  # search frames before the chunk that it sees: 5.12 s
    vocabulary: int = 512  # tokens, blank included
    joint: int = 512
    embedding: int = 256

    @property
    def inputs(self) -> int:
        """Numbers in a stack of encoder frames."""
        return self.stack * self.encoder_width * len(self.streams)

    def as_dict(self) -> dict[str, Any]:
        """Return the sizes by name."""
        return asdict(self) | {"streams": list(self.streams)}

    @classmethod
    def of(cls, saved: dict[str, Any]) -> TopShape:
        """Return the shape that `as_dict` gave."""
        return cls(**(saved | {"streams": tuple(saved["streams"])}))


class TopBlock(nn.Module):
    """Convolution, attention and feed-forward, each with a norm before it."""

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
        """(batch, frames, width), mask (frames, frames): see `attend`."""
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
    """See the module."""

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
        """(batch, n, inputs) stacked encoder frames -> (batch, n, width) search frames."""
        x = self.input(self.input_norm(stacked))
        mask = chunk_mask(x.shape[1], self.shape.chunk, self.shape.left, x.device)
        for block in self.blocks:
            x = block(x, mask)
        return self.norm(x)

    def ctc_log_probs(self, encoded: Tensor) -> Tensor:
        """(batch, n, width) -> (batch, n, vocabulary) natural log, float32."""
        return self.ctc(encoded).float().log_softmax(-1)

    def predictions(self, contexts: Tensor) -> Tensor:
        """(..., 2) int64, the older token first -> (..., joint)."""
        embedded = self.embedding(contexts).flatten(-2)
        return self.predict(functional.relu(self.context(embedded)))

    def joint(self, frames: Tensor, predictions: Tensor) -> Tensor:
        """Broadcast both to (..., joint) -> logits (..., vocabulary)."""
        return self.output(torch.tanh(frames + predictions))

    def transducer(
        self, encoded: Tensor, targets: Tensor, lengths: tuple[Tensor, Tensor], fast_emit: float
    ) -> PrunedLoss:
        """Return the losses of each utterance, see `pruned_transducer_loss`."""
        predictions = self.predictions(contexts_of(targets))
        return pruned_transducer_loss(
            self.project(encoded), predictions, self.output,
            self.simple(encoded, predictions, targets), targets, lengths, fast_emit,
        )  # fmt: skip
