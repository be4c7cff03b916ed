"""Attention from what the encoder hears to the names of a context, in PyTorch.

A context encoder makes of a name's letters a key for each head; a listener makes of the frozen
encoder's frames a query for each head, and the score of "no name". Each frame attends to all names
and to no-bias, as in "Deep context" (Pundak et al., SLT 2018) and "Context-aware transformer
transducer" (Chang et al., arXiv:2111.03250); like "Contextual adapters" (Sathyendra et al.,
arXiv:2205.13660) it is learned beside a network that stays as it is. No-bias depends on the frame,
and is the gate: it closes where no name is said, after "Adaptive contextual biasing" (Xu et al.,
arXiv:2306.00804).
"""

from __future__ import annotations

from dataclasses import asdict, dataclass

import torch
from torch import Tensor, nn
from torch.nn import functional

from auricle.recognizer.biasing.attending import LETTERS, LONGEST
from auricle_train.attention import MASKED

TAPS = 5  # frames that a layer of the listener sees, and letters that one of names does


@dataclass(frozen=True)
class AttendingShape:
    """The sizes of both networks."""

    shared: int = 384  # width of the frames that both passes share, 20 ms each
    joint: int = 512  # of those that the joint sees, 40 ms each
    stack: int = 2  # of the former to one of the latter
    width: int = 256  # of the listener
    reaches: tuple[int, ...] = (1, 2, 4, 4)  # frames of 40 ms between the taps of its layers
    letters: int = 192  # width of the context encoder
    layers: int = 3  # of it
    heads: int = 4
    head: int = 32  # width of a key

    def as_dict(self) -> dict[str, object]:
        """Return it for a checkpoint."""
        return asdict(self) | {"reaches": list(self.reaches)}


class Listener(nn.Module):
    """Frames of the encoder -> queries, and the score of no-bias."""

    def __init__(self, shape: AttendingShape) -> None:
        super().__init__()
        self.shape = shape
        heard = shape.stack * shape.shared + shape.joint
        self.heard_norm = nn.LayerNorm(heard)
        self.enter = nn.Linear(heard, shape.width)
        self.norms = nn.ModuleList(nn.LayerNorm(shape.width) for _ in shape.reaches)
        self.taps = nn.ModuleList(
            nn.Linear(TAPS * shape.width, 2 * shape.width) for _ in shape.reaches
        )
        self.downs = nn.ModuleList(nn.Linear(2 * shape.width, shape.width) for _ in shape.reaches)
        self.norm = nn.LayerNorm(shape.width)
        self.queries = nn.Linear(shape.width, shape.heads * shape.head)
        self.nothing = nn.Linear(shape.width, 1)

    def forward(self, shared: Tensor, frames: Tensor) -> tuple[Tensor, Tensor]:
        """Listen.

        Args:
            shared: (batch, n * stack, shared) of the encoder.
            frames: (batch, n, joint) of the encoder.

        Returns:
            (batch, n, heads, head) queries and (batch, n) scores of no-bias.
        """
        batch, count, _ = frames.shape
        stacked = shared.reshape(batch, count, -1)
        x = self.enter(self.heard_norm(torch.cat([stacked, frames], dim=-1)))
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
    """Letters of names -> keys."""

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
        self.looks = nn.Linear(width, shape.heads)  # at which letters each head looks
        self.keys = nn.Linear(shape.heads * width, shape.heads * shape.head)
        nn.init.normal_(self.positions, std=0.1)

    def forward(self, letters: Tensor) -> Tensor:
        """(names, up to LONGEST) int64, 0 where there is none -> (names, heads, head)."""
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


class Attending(nn.Module):
    """Both, and what they say of names and sound."""

    def __init__(self, shape: AttendingShape | None = None) -> None:
        super().__init__()
        self.shape = shape or AttendingShape()
        self.listener = Listener(self.shape)
        self.names = ContextEncoder(self.shape)

    def forward(self, shared: Tensor, frames: Tensor, letters: Tensor) -> Tensor:
        """Return (batch, n, names): how much likelier than no name each is at each frame, nats.

        Args:
            shared: see `Listener`.
            frames: the same.
            letters: see `ContextEncoder`.
        """
        queries, nothing = self.listener(shared, frames)
        keys = self.names(letters)
        scale = (self.shape.heads * self.shape.head) ** -0.5
        scores = torch.einsum("bthd,nhd->btn", queries, keys) * scale
        return scores.float() - nothing.float()[..., None]
