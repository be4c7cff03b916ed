"""Attention from encoder frames to the names of a context, in PyTorch.

A context encoder makes a key for each head of a name's letters; a listener makes a query for each
head, and the score of "no name", of the frozen encoder's frames, stacked to search frames of 80 ms.
It reads nothing of the first pass' own layers, so these can be trained anew without it. Each search
frame attends to all names and to no-bias, as in "Deep context" (Pundak et al., SLT 2018) and
"Context-aware transformer transducer" (Chang et al., arXiv:2111.03250); like "Contextual adapters"
(Sathyendra et al., arXiv:2205.13660) it is learned beside a network that stays as it is. No-bias
depends on the frame, and is the gate: it closes where no name is said, after "Adaptive contextual
biasing" (Xu et al., arXiv:2306.00804).
"""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional

from auricle.biasing.context_attention import LETTERS, LONGEST
from auricle_train.data.encoder_cache import SEARCH_FRAME
from auricle_train.models.attention import MASKED

TAPS = 5  # search frames that a layer of the listener sees, and letters that one of names does
GROUP = 128  # names that the context encoder takes at once in training


@dataclass(frozen=True)
class AttendingShape:
    """Sizes of both networks."""

    streams: tuple[str, ...] = ("encoder",)  # input streams, see `encoder_cache.STREAMS`
    encoder_width: int = 384  # width of one stream
    stack: int = SEARCH_FRAME  # encoder frames (20 ms) per search frame (80 ms)
    width: int = 256  # width of the listener
    reaches: tuple[int, ...] = (1, 1, 2, 2)  # search frames between the taps of its layers
    letters: int = 192  # width of the context encoder
    layers: int = 3  # layers of the context encoder
    heads: int = 4
    head: int = 32  # width of a key

    @property
    def inputs(self) -> int:
        """Width of a stack of encoder frames."""
        return self.stack * self.encoder_width * len(self.streams)

    def as_dict(self) -> dict[str, Any]:
        """Return the sizes by name."""
        return asdict(self) | {"streams": list(self.streams), "reaches": list(self.reaches)}

    @classmethod
    def of(cls, saved: dict[str, Any]) -> AttendingShape:
        """Return the shape from the output of `as_dict`."""
        return cls(**(saved | {key: tuple(saved[key]) for key in ("streams", "reaches")}))


class Listener(nn.Module):
    """Maps stacked encoder frames to queries and the score of no-bias."""

    def __init__(self, shape: AttendingShape) -> None:
        super().__init__()
        self.shape = shape
        self.input_norm = nn.LayerNorm(shape.inputs)
        self.input = nn.Linear(shape.inputs, shape.width)
        self.norms = nn.ModuleList(nn.LayerNorm(shape.width) for _ in shape.reaches)
        self.taps = nn.ModuleList(
            nn.Linear(TAPS * shape.width, 2 * shape.width) for _ in shape.reaches
        )
        self.downs = nn.ModuleList(nn.Linear(2 * shape.width, shape.width) for _ in shape.reaches)
        self.norm = nn.LayerNorm(shape.width)
        self.queries = nn.Linear(shape.width, shape.heads * shape.head)
        self.nothing = nn.Linear(shape.width, 1)

    def forward(self, stacked: Tensor) -> tuple[Tensor, Tensor]:
        """Listen.

        Args:
            stacked: (batch, n, inputs) encoder frames, stacked to search frames.

        Returns:
            (batch, n, heads, head) queries and (batch, n) scores of no-bias.
        """
        batch, count, _ = stacked.shape
        x = self.input(self.input_norm(stacked))
        for reach, norm, taps, down in zip(
            self.shape.reaches, self.norms, self.taps, self.downs, strict=True
        ):
            before = functional.pad(norm(x), (0, 0, (TAPS - 1) * reach, 0))
            seen = torch.cat(
                [before[:, tap * reach : tap * reach + count] for tap in range(TAPS)], dim=-1
            )
            x = x + down(functional.relu(taps(seen)))
        x = self.norm(x)
        queries = self.queries(x).view(batch, count, self.shape.heads, self.shape.head)
        return queries, self.nothing(x)[..., 0]


class ContextEncoder(nn.Module):
    """Maps the letters of names to keys."""

    def __init__(self, shape: AttendingShape) -> None:
        super().__init__()
        self.shape = shape
        width = shape.letters
        self.embedding = nn.Embedding(len(LETTERS) + 1, width)
        self.positions = nn.Parameter(torch.zeros(LONGEST, width))
        self.norms = nn.ModuleList(nn.LayerNorm(width) for _ in range(shape.layers))
        self.taps = nn.ModuleList(nn.Linear(TAPS * width, 2 * width) for _ in range(shape.layers))
        self.downs = nn.ModuleList(nn.Linear(2 * width, width) for _ in range(shape.layers))
        self.norm = nn.LayerNorm(width)
        self.looks = nn.Linear(width, shape.heads)  # attention of each head over letters
        self.keys = nn.Linear(shape.heads * width, shape.heads * shape.head)
        nn.init.normal_(self.positions, std=0.1)

    def forward(self, letters: Tensor) -> Tensor:
        """(names, up to LONGEST) int64, padded with 0 -> (names, heads, head)."""
        count = letters.shape[1]
        is_letter = (letters > 0)[..., None]
        x = self.embedding(letters) + self.positions[:count]
        for norm, taps, down in zip(self.norms, self.taps, self.downs, strict=True):
            padded = functional.pad(norm(x) * is_letter, (0, 0, TAPS // 2, TAPS // 2))
            seen = torch.cat([padded[:, tap : tap + count] for tap in range(TAPS)], dim=-1)
            x = x + down(functional.relu(taps(seen)))
        x = self.norm(x)
        shares = (self.looks(x) + torch.where(is_letter, 0.0, MASKED)).softmax(dim=1)
        looked = torch.einsum("nlh,nlw->nhw", shares, x)
        keys = self.keys(looked.flatten(1))
        return keys.view(len(letters), self.shape.heads, self.shape.head)

    def in_groups(self, letters: Tensor) -> Tensor:
        """Return the same in groups, padded to their longest name; fast if sorted by length."""
        groups = letters.split(GROUP)
        lengths = [int((group > 0).sum(dim=1).amax()) for group in groups]
        pairs = zip(groups, lengths, strict=True)
        return torch.cat([self(group[:, :longest]) for group, longest in pairs])


class Attending(nn.Module):
    """Listener and context encoder, and the scores of names in audio."""

    def __init__(self, shape: AttendingShape | None = None) -> None:
        super().__init__()
        self.shape = shape or AttendingShape()
        self.listener = Listener(self.shape)
        self.names = ContextEncoder(self.shape)

    def forward(self, stacked: Tensor, letters: Tensor) -> Tensor:
        """Return (batch, n, names): log odds of each name against no name in each frame, nats.

        Args:
            stacked: input of `Listener`.
            letters: input of `ContextEncoder`.
        """
        queries, nothing = self.listener(stacked)
        keys = self.names.in_groups(letters)
        scale = (self.shape.heads * self.shape.head) ** -0.5
        scores = torch.einsum("bthd,nhd->btn", queries, keys) * scale
        return scores.float() - nothing.float()[..., None]
