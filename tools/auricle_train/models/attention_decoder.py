"""The second pass in PyTorch: Whisper's decoder with a reduced vocabulary.

The decoder is that of Whisper tiny.en (Radford et al., arXiv:2212.04356). After Whisper's prompt it
emits the pieces of `tokens/whisper_vocabulary.py`, with capitals and punctuation. First and second
pass read the same encoder, as in "Two-pass end-to-end speech recognition" (Sainath et al.,
arXiv:1908.10992).
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn
from torch.nn import functional

from auricle_train.models.attention import MASKED, attend

PROMPT = (50257, 50362)  # <|startoftranscript|> and <|notimestamps|> of Whisper's English models
POSITIONS = 192  # maximum pieces per utterance, prompt included
LEVELS = 63  # quantization levels of an embedding on each side of 0; int8 has 127


class DecoderBlock(nn.Module):
    """A pre-norm transformer layer with attention to earlier pieces and to encoder frames."""

    def __init__(self, width: int, heads: int, hidden: int) -> None:
        super().__init__()
        self.heads = heads
        self.attention_norm = nn.LayerNorm(width)
        self.qkv = nn.Linear(width, 3 * width)
        self.out = nn.Linear(width, width)
        self.cross_norm = nn.LayerNorm(width)
        self.cross_query = nn.Linear(width, width)
        self.cross_kv = nn.Linear(width, 2 * width)
        self.cross_out = nn.Linear(width, width)
        self.mlp_norm = nn.LayerNorm(width)
        self.up = nn.Linear(width, hidden)
        self.down = nn.Linear(hidden, width)

    def forward(self, x: Tensor, frames: Tensor, mask: Tensor) -> Tensor:
        """Return (batch, pieces, width).

        Args:
            x: (batch, pieces, width).
            frames: (batch, frames, width) of the encoder.
            mask: (batch, frames) bool, frames to attend to.
        """
        own = self._split(self.qkv(self.attention_norm(x)), 3)
        before = x.new_full((x.shape[1], x.shape[1]), MASKED).triu(1)
        return self._add(
            x, own, before, self.memory(frames), torch.where(mask, 0.0, MASKED)[:, None, None, :]
        )

    def memory(self, frames: Tensor) -> tuple[Tensor, ...]:
        """Return the cross-attention keys and values, (batch, heads, frames, width / heads)."""
        return self._split(self.cross_kv(frames), 2)

    def step(
        self,
        x: Tensor,
        before: tuple[Tensor, Tensor] | None,
        memory: tuple[Tensor, ...],
        mask: Tensor,
    ) -> tuple[Tensor, tuple[Tensor, Tensor]]:
        """Process one more piece; return (batch, 1, width) and all keys and values so far."""
        query, key, value = self._split(self.qkv(self.attention_norm(x)), 3)
        if before is not None:
            key, value = torch.cat([before[0], key], dim=2), torch.cat([before[1], value], dim=2)
        return self._add(x, (query, key, value), None, memory, mask), (key, value)

    def _add(
        self,
        x: Tensor,
        own: tuple[Tensor, ...],
        before: Tensor | None,
        memory: tuple[Tensor, ...],
        mask: Tensor,
    ) -> Tensor:
        x = x + self.out(self._join(attend(*own, before)))
        (query,) = self._split(self.cross_query(self.cross_norm(x)), 1)
        x = x + self.cross_out(self._join(attend(query, *memory, mask)))
        return x + self.down(functional.gelu(self.up(self.mlp_norm(x))))

    def _split(self, x: Tensor, parts: int) -> tuple[Tensor, ...]:
        """(batch, n, parts * width) -> parts of (batch, heads, n, width / heads)."""
        batch, count, _ = x.shape
        split: Tensor = x.view(batch, count, parts, self.heads, -1).permute(2, 0, 3, 1, 4)
        return split.unbind(0)

    def _join(self, x: Tensor) -> Tensor:
        batch, _, count, _ = x.shape
        return x.transpose(1, 2).reshape(batch, count, -1)


class AttentionDecoder(nn.Module):
    """Predicts the next piece from encoder frames and earlier pieces; piece 0 ends the text."""

    def __init__(
        self, width: int, heads: int, hidden: int, layers: int, pieces: int, prompt: int
    ) -> None:
        super().__init__()
        self.prompt = nn.Parameter(torch.zeros(prompt, width))
        self.embedding = nn.Embedding(pieces, width)
        self.positions = nn.Parameter(torch.zeros(POSITIONS, width))
        self.blocks = nn.ModuleList(DecoderBlock(width, heads, hidden) for _ in range(layers))
        self.norm = nn.LayerNorm(width)

    @property
    def tables(self) -> tuple[nn.Parameter, ...]:
        """Embedding tables; training never changes them."""
        return self.prompt, self.embedding.weight, self.positions

    def load_whisper(
        self,
        weights: dict[str, NDArray[np.float32]],
        sources: Sequence[int],
        prompt: Sequence[int] = PROMPT,
    ) -> None:
        """Load weights returned by `whisper_weights.read_part`.

        Args:
            weights: decoder weights by their CTranslate2 names.
            sources: Whisper token id of each piece.
            prompt: Whisper token ids of the prompt.
        """
        table = weights["embeddings/weight"]
        state = {
            "prompt": table[list(prompt)],
            "embedding.weight": table[list(sources)],
            "positions": weights["position_encodings/encodings"][:POSITIONS],
        }
        names = {"norm.": "layer_norm/"}
        for number in range(len(self.blocks)):
            ours, theirs = f"blocks.{number}.", f"layer_{number}/"
            names |= {
                f"{ours}attention_norm.": f"{theirs}self_attention/layer_norm/",
                f"{ours}qkv.": f"{theirs}self_attention/linear_0/",
                f"{ours}out.": f"{theirs}self_attention/linear_1/",
                f"{ours}cross_norm.": f"{theirs}attention/layer_norm/",
                f"{ours}cross_query.": f"{theirs}attention/linear_0/",
                f"{ours}cross_kv.": f"{theirs}attention/linear_1/",
                f"{ours}cross_out.": f"{theirs}attention/linear_2/",
                f"{ours}mlp_norm.": f"{theirs}ffn/layer_norm/",
                f"{ours}up.": f"{theirs}ffn/linear_0/",
                f"{ours}down.": f"{theirs}ffn/linear_1/",
            }
        for ours, theirs in names.items():
            normal = "norm" in ours
            state[f"{ours}weight"] = weights[f"{theirs}{'gamma' if normal else 'weight'}"]
            state[f"{ours}bias"] = weights[f"{theirs}{'beta' if normal else 'bias'}"]
        self.load_state_dict({name: torch.from_numpy(value) for name, value in state.items()})

    @torch.no_grad()
    def round_table(self) -> None:
        """Round the piece embeddings to LEVELS, as bundles store them.

        The table is frozen in training, so the layers adapt to the rounded values. Fewer levels
        compress better: the largest number of a row is many times a typical one.
        """
        table = self.embedding.weight
        scales = table.abs().amax(dim=1, keepdim=True).clamp(min=1e-9) / LEVELS
        table.copy_((table / scales).round() * scales)

    def forward(self, frames: Tensor, heard: Tensor, pieces: Tensor) -> Tensor:
        """Score the next piece at every position.

        Args:
            frames: (batch, frames, width) of the encoder.
            heard: (batch, frames) bool, frames that belong to the utterance.
            pieces: (batch, n) int64; with the prompt at most POSITIONS.

        Returns:
            (batch, n + 1, pieces) logits; position i predicts the piece after the first i pieces.
        """
        prompt = self.prompt.expand(len(pieces), -1, -1)
        x = torch.cat([prompt, self.embedding(pieces)], dim=1)
        x = x + self.positions[: x.shape[1]]
        for block in self.blocks:
            x = block(x, frames, heard)
        return functional.linear(self.norm(x[:, len(self.prompt) - 1 :]), self.embedding.weight)


class Stepper:
    """Runs the decoder one piece at a time, with cached keys and values."""

    def __init__(self, decoder: AttentionDecoder, frames: Tensor, heard: Tensor) -> None:
        """Process the prompt; arguments as in `AttentionDecoder.forward`."""
        self._decoder, self._mask = decoder, torch.where(heard, 0.0, MASKED)[:, None, None, :]
        self._memory = [block.memory(frames) for block in decoder.blocks]
        self._before: list[tuple[Tensor, Tensor] | None] = [None] * len(decoder.blocks)
        self._place = 0
        for row in decoder.prompt:
            self.logits = self._read(row.expand(len(frames), 1, -1))

    def step(self, pieces: Tensor) -> Tensor:
        """Append one piece per utterance, (batch,) int64; return logits (batch, pieces)."""
        self.logits = self._read(self._decoder.embedding(pieces)[:, None])
        return self.logits

    def _read(self, x: Tensor) -> Tensor:
        decoder = self._decoder
        x = x + decoder.positions[self._place]
        self._place += 1
        for number, block in enumerate(decoder.blocks):
            x, self._before[number] = block.step(
                x, self._before[number], self._memory[number], self._mask
            )
        return functional.linear(decoder.norm(x[:, 0]), decoder.embedding.weight)
