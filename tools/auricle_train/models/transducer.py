"""The networks in PyTorch: chunked encoder, stateless predictor, joint, attention decoder.

The encoder is Whisper's (arXiv:2212.04356) with attention limited to the own chunk and a few
seconds before it. It can therefore stream: chunk by chunk it gives the same output as at once. The
predictor is stateless (Ghodsi et al., ICASSP 2020), with two tokens of context.
"""

from __future__ import annotations

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn
from torch.nn import functional

from auricle.features import SILENCE
from auricle_train.models.attention import attend, chunk_mask
from auricle_train.models.attention_decoder import AttentionDecoder
from auricle_train.models.dimensions import CONV_CONTEXT, STACK, STRIDE, Shape
from auricle_train.models.lstm_encoder import LstmEncoder


class Block(nn.Module):
    """A pre-norm transformer layer of Whisper (keys without bias)."""

    def __init__(self, shape: Shape) -> None:
        super().__init__()
        self.heads = shape.heads
        self.attention_norm = nn.LayerNorm(shape.width)
        self.qkv = nn.Linear(shape.width, 3 * shape.width)
        self.out = nn.Linear(shape.width, shape.width)
        self.mlp_norm = nn.LayerNorm(shape.width)
        self.up = nn.Linear(shape.width, shape.hidden)
        self.down = nn.Linear(shape.hidden, shape.width)

    def forward(self, x: Tensor, mask: Tensor | None) -> Tensor:
        """Return (batch, frames, width) for an input of that shape; `mask` as in `attend`."""
        batch, frames, width = x.shape
        qkv = self.qkv(self.attention_norm(x)).view(batch, frames, 3, self.heads, -1)
        query, key, value = qkv.permute(2, 0, 3, 1, 4)
        seen = attend(query, key, value, mask)
        x = x + self.out(seen.transpose(1, 2).reshape(batch, frames, width))
        return x + self.down(functional.gelu(self.up(self.mlp_norm(x))))


class Encoder(nn.Module):
    """Whisper's encoder, with full or chunked attention."""

    positions: Tensor

    def __init__(self, shape: Shape) -> None:
        super().__init__()
        self.shape = shape
        self.conv1 = nn.Conv1d(80, shape.width, 3)
        self.conv2 = nn.Conv1d(shape.width, shape.width, 3, stride=STRIDE)
        self.blocks = nn.ModuleList(Block(shape) for _ in range(shape.layers))
        self.norm = nn.LayerNorm(shape.width)
        self.register_buffer("positions", torch.zeros(shape.positions, shape.width))

    def load_whisper(self, weights: dict[str, NDArray[np.float32]]) -> None:
        """Load encoder weights returned by `whisper_weights.read_part`."""
        names = {"conv1": "conv1", "conv2": "conv2"}
        state = {
            f"{ours}.{part}": weights[f"{theirs}/{part}"]
            for ours, theirs in names.items()
            for part in ("weight", "bias")
        }
        norms = {"norm": "layer_norm"}
        linears = {}
        for number in range(self.shape.layers):
            ours, theirs = f"blocks.{number}", f"layer_{number}"
            norms[f"{ours}.attention_norm"] = f"{theirs}/self_attention/layer_norm"
            norms[f"{ours}.mlp_norm"] = f"{theirs}/ffn/layer_norm"
            linears[f"{ours}.qkv"] = f"{theirs}/self_attention/linear_0"
            linears[f"{ours}.out"] = f"{theirs}/self_attention/linear_1"
            linears[f"{ours}.up"] = f"{theirs}/ffn/linear_0"
            linears[f"{ours}.down"] = f"{theirs}/ffn/linear_1"
        for ours, theirs in norms.items():
            state[f"{ours}.weight"] = weights[f"{theirs}/gamma"]
            state[f"{ours}.bias"] = weights[f"{theirs}/beta"]
        for ours, theirs in linears.items():
            state[f"{ours}.weight"] = weights[f"{theirs}/weight"]
            state[f"{ours}.bias"] = weights[f"{theirs}/bias"]
        state["positions"] = weights["position_encodings/encodings"]
        self.load_state_dict({name: torch.from_numpy(value) for name, value in state.items()})

    def forward(self, features: Tensor, chunked: bool = True, offset: int = 0) -> Tensor:
        """Encode features.

        Args:
            features: (batch, frames, 80) float32; frames a multiple of STRIDE.
            chunked: limit attention to chunks; False gives Whisper's full attention.
            offset: position of the first encoder frame.

        Returns:
            (batch, frames / STRIDE, width).
        """
        return self.top(*self.trunk(features, chunked, offset))

    def trunk(
        self, features: Tensor, chunked: bool = True, offset: int = 0
    ) -> tuple[Tensor, Tensor | None]:
        """Return the output of the shared layers, (batch, frames, width), and the mask."""
        x = functional.pad(features.transpose(1, 2), (CONV_CONTEXT, 0), value=SILENCE)
        x = functional.gelu(self.conv1(x))
        x = functional.gelu(self.conv2(x)).transpose(1, 2)
        frames, shape = x.shape[1], self.shape
        where = (torch.arange(frames, device=x.device) + offset) % self.shape.positions
        x = x + self.positions[where]
        mask = chunk_mask(frames, shape.chunk, shape.left, x.device) if chunked else None
        for block in self.blocks[: self.shape.layers - self.shape.branch]:
            x = block(x, mask)
        return x, mask

    def top(self, x: Tensor, mask: Tensor | None) -> Tensor:
        """Apply the remaining layers to the output of `trunk`."""
        for block in self.blocks[self.shape.layers - self.shape.branch :]:
            x = block(x, mask)
        return self.norm(x)


class Branch(nn.Module):
    """The first pass's own copy of the last encoder layers.

    The first pass trains these layers for its words. Shared layers would also have to stay close to
    Whisper's for the second pass, and would serve neither pass well.
    """

    def __init__(self, shape: Shape) -> None:
        super().__init__()
        self.blocks = nn.ModuleList(Block(shape) for _ in range(shape.branch))
        self.norm = nn.LayerNorm(shape.width)

    def grow(self, encoder: Encoder) -> None:
        """Initialise from the last layers of the encoder."""
        last = encoder.blocks[len(encoder.blocks) - len(self.blocks) :]
        self.blocks.load_state_dict(last.state_dict())
        self.norm.load_state_dict(encoder.norm.state_dict())

    def forward(self, x: Tensor, mask: Tensor | None) -> Tensor:
        """Map the output of `Encoder.trunk` to the input of `Transducer.frames`; same shape."""
        for block in self.blocks:
            x = block(x, mask)
        return self.norm(x)


class Transducer(nn.Module):
    """Encoder, predictor, joint and second pass; the joint without predictor is the CTC head.

    The second pass, `decoder`, reads `second_encoder`, which encodes the complete utterance with
    full attention. Without a second encoder it reads the encoder of the first pass.
    """

    def __init__(self, shape: Shape) -> None:
        super().__init__()
        self.shape = shape
        kinds = {"attention": Encoder, "lstm": LstmEncoder}
        self.encoder = kinds[shape.encoder](shape)
        self.branch = Branch(shape) if shape.branch else None
        self.second_encoder = Encoder(shape) if shape.second_encoder else None
        self.project = nn.Linear(STACK * shape.width, shape.joint)
        self.embedding = nn.Embedding(shape.vocabulary, shape.embedding)
        self.context = nn.Linear(2 * shape.embedding, shape.joint)
        self.predict = nn.Linear(shape.joint, shape.joint)
        self.output = nn.Linear(shape.joint, shape.vocabulary)
        self.decoder = AttentionDecoder(
            shape.width, shape.heads, shape.hidden, shape.decoder_layers, shape.pieces, shape.prompt
        )
        # With zeros here, the transducer starts as the CTC model.
        nn.init.zeros_(self.predict.weight)
        nn.init.zeros_(self.predict.bias)

    def encode(
        self, features: Tensor, offset: int = 0, through: float = 1.0
    ) -> tuple[Tensor, Tensor]:
        """Return the encoder frames of the second and of the first pass, (batch, n, width) each.

        The first pass uses chunked attention; the second pass reads the complete utterance.

        Args:
            features: (batch, frames, 80) float32.
            offset: position of the first encoder frame.
            through: share of the first pass's gradient that reaches the shared layers.
        """
        if self.branch is None:
            first = self.encoder(features, offset=offset)
            return self._second(features, offset, first), first
        x, mask = self.encoder.trunk(features, offset=offset)
        first = self.branch(pass_back(x, through), mask)
        if self.second_encoder is None:
            return self.encoder.top(x, None), first
        return self._second(features, offset, first), first

    def _second(self, features: Tensor, offset: int, first: Tensor) -> Tensor:
        """Return the encoder frames of the second pass, (batch, n, width)."""
        if self.second_encoder is None:
            return first
        encoded: Tensor = self.second_encoder(features, chunked=False, offset=offset)
        return encoded

    def frames(self, encoded: Tensor) -> Tensor:
        """Project encoder frames (batch, n, width) to joint frames (batch, n / STACK, joint)."""
        batch, count, width = encoded.shape
        return self.project(encoded.reshape(batch, count // STACK, STACK * width))

    def predictions(self, contexts: Tensor) -> Tensor:
        """Map contexts (..., 2) int64, older token first, to predictor outputs (..., joint)."""
        embedded = self.embedding(contexts).flatten(-2)
        return self.predict(functional.relu(self.context(embedded)))

    def joint(self, frames: Tensor, predictions: Tensor) -> Tensor:
        """Return logits (..., vocabulary) of inputs that broadcast to (..., joint)."""
        return self.output(torch.tanh(frames + predictions))

    def ctc(self, frames: Tensor) -> Tensor:
        """Map joint frames (batch, n, joint) to CTC logits (batch, n, vocabulary)."""
        return self.output(torch.tanh(frames))


def pass_back(x: Tensor, share: float) -> Tensor:
    """Return `x` unchanged, but pass only a share of its gradient back."""
    return x * share + x.detach() * (1.0 - share)


def contexts_of(targets: Tensor) -> Tensor:
    """Return the two tokens before each position, (batch, n + 1, 2), starting with blanks."""
    padded = functional.pad(targets, (2, 0))
    return torch.stack([padded[:, :-1], padded[:, 1:]], dim=-1)
