"""The pruned transducer loss (Kuang et al., arXiv:2206.13236).

In: joint frames, predictor outputs, and the outputs of a simple joint, which is the sum of two
linear heads. Out: the loss of the simple joint, and the loss of the real joint on a band of a few
tokens per frame. Forward-backward through the simple joint selects the band. The real joint on the
full grid would cost more than the encoder.
"""

from __future__ import annotations

from typing import NamedTuple

import torch
from torch import Tensor, nn
from torch.nn import functional

from auricle.tokenizer import BLANK
from auricle_train.losses.transducer_loss import Occupancies, occupancies, transducer_loss

OUTSIDE = -1e4  # log probability of nodes outside the band
BAND = 5  # tokens per frame


class PrunedLoss(NamedTuple):
    """Minus log probabilities of each utterance, (batch,)."""

    simple: Tensor
    pruned: Tensor


class SimpleJoint(nn.Module):
    """A joint without hidden layer: its logits are the sum of a frame head and a token head."""

    def __init__(self, frames: int, predictions: int, vocabulary: int) -> None:
        super().__init__()
        self.frames = nn.Linear(frames, vocabulary)
        self.predictions = nn.Linear(predictions, vocabulary)

    def forward(
        self, frames: Tensor, predictions: Tensor, targets: Tensor
    ) -> tuple[Tensor, Tensor]:
        """Return log probabilities at each node.

        Args:
            frames: (batch, n, any) encoder output.
            predictions: (batch, tokens + 1, any) predictor output.
            targets: (batch, tokens) int64.

        Returns:
            Blank (batch, n, tokens + 1) and next target token (batch, n, tokens).
        """
        heard, expected = self.frames(frames).float(), self.predictions(predictions).float()
        heard, expected = (x - x.amax(-1, keepdim=True).detach() for x in (heard, expected))
        total = torch.matmul(heard.exp(), expected.exp().transpose(1, 2)).clamp(min=1e-30).log()
        picked = heard.gather(-1, targets[:, None].expand(-1, heard.shape[1], -1))
        following = expected[:, :-1].gather(-1, targets[..., None])[..., 0]
        blank = heard[..., BLANK, None] + expected[:, None, :, BLANK] - total
        return blank, picked + following[:, None] - total[:, :, :-1]


def band_starts(found: Occupancies, frames: Tensor, tokens: Tensor, band: int) -> Tensor:
    """Return the first token position of the band at each frame, (batch, frames) int64.

    Each band covers as much path probability as possible. Starts never decrease, consecutive bands
    overlap by at least one position, the first starts at 0 and the last contains the end.
    """
    steps, places = found.blank.shape[1:]
    passing = found.blank + functional.pad(found.emit, (0, 1))
    held = functional.pad(passing.cumsum(-1), (1, 0))
    held = held[..., band:] - held[..., :-band]  # (batch, frames, places - band + 1)
    starts = held.argmax(-1)
    step = torch.arange(steps, device=starts.device)
    end = (tokens + 1 - band).clamp(min=0)[:, None]
    starts = torch.where(step >= frames[:, None] - 1, end, starts).minimum(end)
    starts = starts.cummax(-1).values
    slope = step * (band - 1)
    starts = (starts - slope).flip(-1).cummax(-1).values.flip(-1) + slope
    return starts.minimum(slope).minimum(end)


def pruned_transducer_loss(
    frames: Tensor,
    predictions: Tensor,
    output: nn.Linear,
    simple: tuple[Tensor, Tensor],
    targets: Tensor,
    lengths: tuple[Tensor, Tensor],
    fast_emit: float = 0.0,
    band: int = BAND,
) -> PrunedLoss:
    """Return both losses of each utterance.

    Args:
        frames: (batch, n, joint) joint frames.
        predictions: (batch, tokens + 1, joint) predictor outputs.
        output: last layer of the joint, joint -> vocabulary.
        simple: output of `SimpleJoint`.
        targets: (batch, tokens) int64.
        lengths: frames and tokens of each utterance, both (batch,) int64.
        fast_emit: see `transducer_loss`.
        band: tokens per frame for which the joint is computed.
    """
    counts, tokens = lengths
    missing = max(0, band - predictions.shape[1])
    blank, emit = simple
    if missing:
        predictions = functional.pad(predictions, (0, 0, 0, missing))
        targets = functional.pad(targets, (0, missing))
        blank, emit = (functional.pad(x, (0, missing), value=OUTSIDE) for x in simple)
    found = occupancies(blank, emit, counts, tokens)
    starts = band_starts(found, counts, tokens, band)
    places = starts[..., None] + torch.arange(band, device=starts.device)  # (batch, n, band)
    batch, steps, _ = places.shape
    chosen = predictions.gather(
        1, places.flatten(1)[..., None].expand(-1, -1, predictions.shape[2])
    ).view(batch, steps, band, -1)
    logits = output(torch.tanh(frames[:, :, None] + chosen)).float()
    total = logits.logsumexp(-1)
    wanted = functional.pad(targets, (0, 1)).gather(1, places.flatten(1)).view(places.shape)
    picked = logits.gather(-1, wanted[..., None])[..., 0] - total
    grid = total.new_full((batch, steps, predictions.shape[1]), OUTSIDE)
    blanks = grid.scatter(-1, places, logits[..., BLANK] - total)
    emits = grid.scatter(-1, places, picked)[..., :-1]
    # Emitting the last token of a band leaves the band, unless the next band covers the position.
    return PrunedLoss(
        _loss_of(blank, emit, found, fast_emit),
        transducer_loss(blanks, emits, counts, tokens, fast_emit),
    )


def _loss_of(blank: Tensor, emit: Tensor, found: Occupancies, fast_emit: float) -> Tensor:
    """Return the differentiable loss for given forward-backward results."""
    to_blank, to_emit = found.blank.to(blank.dtype), found.emit.to(emit.dtype)
    passed = (to_blank * blank).sum((1, 2)) + (1.0 + fast_emit) * (to_emit * emit).sum((1, 2))
    return passed.detach() - passed - found.total.to(blank.dtype)
