"""The losses of a batch: transducer, CTC, second pass, and the distance from the teachers.

In: a batch. Out: for each loss its sum over the batch and its divisor. Several processes can add
both up and get the same result as one process with all data. Teachers read clean audio with
Whisper's full context; the student reads augmented audio in chunks.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn import functional

from auricle.tokenizer import BLANK
from auricle_train.data.batches import Batch
from auricle_train.losses.joint_grid import node_scores
from auricle_train.losses.transducer_loss import transducer_loss
from auricle_train.models.attention_decoder import AttentionDecoder
from auricle_train.models.transducer import STACK, Encoder, Transducer, contexts_of, pass_back
from auricle_train.training.config import Plan

LOSSES = ("ctc", "transducer", "attention", "distance", "soft")
Loss = tuple[Tensor, Tensor]  # sum and count


class Teachers(nn.Module):
    """Whisper's unchanged encoder and, if its next-piece distribution is a target, decoder."""

    def __init__(self, encoder: Encoder, decoder: AttentionDecoder | None = None) -> None:
        super().__init__()
        self.encoder, self.decoder = encoder, decoder
        self.eval().requires_grad_(False)


class Objective(nn.Module):
    """Student, teachers and losses; the module that `DistributedDataParallel` wraps."""

    def __init__(self, plan: Plan, model: Transducer, teachers: Teachers) -> None:
        super().__init__()
        self.plan, self.model, self.teachers = plan, model, teachers

    def weights(self, warm: bool) -> Tensor:
        """Return the weights of LOSSES."""
        plan = self.plan
        others = (plan.transducer, plan.attention, plan.distance, plan.soft)
        return torch.tensor((1.0 if warm else plan.ctc, *others))

    def forward(self, batch: Batch, warm: bool) -> Tensor:
        """Return (2, len(LOSSES)): sums, and divisors, which are 0 for losses not computed.

        Args:
            batch: batch on the device of the networks.
            warm: compute only the CTC loss, without gradients for the encoder.
        """
        offset = self._offset()
        with torch.set_grad_enabled(not warm):
            encoded, first = self.model.encode(batch.features, offset, self.plan.first_through)
        found: dict[str, Loss] = {}
        if warm or self.plan.ctc or self.plan.transducer:
            frames, counts = after_wake_word(self.model.frames(first), batch)
            found["ctc"] = self._ctc(frames, counts, batch)
            if not warm:
                found["transducer"] = self._transducer(frames, counts, batch)
        if not warm and (self.plan.attention or self.plan.distance or self.plan.soft):
            found |= self._second_pass(encoded, batch, offset)
        nothing = (encoded.new_zeros(()), encoded.new_zeros(()))
        sums, divisors = zip(*(found.get(name, nothing) for name in LOSSES), strict=True)
        return torch.stack(
            [torch.stack([item.float() for item in row]) for row in (sums, divisors)]
        )

    def _offset(self) -> int:
        """Return the first position: mostly 0, sometimes random, to train on long recordings.

        Whisper's frames depend on the position, so frequent shifts would damage what it knows.
        """
        shape = self.model.shape
        if shape.encoder != "attention" or torch.rand(()) >= self.plan.shifted_share:
            return 0
        return int(torch.randint(shape.positions, ()))

    def _ctc(self, frames: Tensor, counts: Tensor, batch: Batch) -> Loss:
        log_probs = self.model.ctc(frames).float().log_softmax(-1)
        losses = functional.ctc_loss(
            log_probs.transpose(0, 1), batch.targets, counts, batch.tokens,
            blank=BLANK, reduction="none", zero_infinity=True,
        )  # fmt: skip
        return losses.sum(), batch.tokens.sum()

    def _transducer(self, frames: Tensor, counts: Tensor, batch: Batch) -> Loss:
        """Return the loss of as many random utterances as `nodes` allows, in nats per token."""
        nodes = counts * (batch.tokens + 1)
        order = torch.randperm(len(nodes)).to(nodes.device)
        count = int((nodes[order].cumsum(0) <= self.plan.nodes).sum())
        chosen = order[: max(1, count)]
        tokens = batch.tokens[chosen]
        frames = frames[chosen, : int(counts[chosen].max())]
        targets = batch.targets[chosen, : max(1, int(tokens.max()))]
        predictions = self.model.predictions(contexts_of(targets))
        blank, emit = node_scores(frames, predictions, self.model.output, targets)
        losses = transducer_loss(blank, emit, counts[chosen], tokens, self.plan.fast_emit)
        return losses.sum(), tokens.sum()

    def _second_pass(self, encoded: Tensor, batch: Batch, offset: int) -> dict[str, Loss]:
        """Return the cross entropy in nats per piece, end included, and the teacher losses."""
        place = torch.arange(encoded.shape[1], device=encoded.device)[None]
        spoken = place < batch.frames[:, None] * STACK
        heard = spoken & (place >= batch.skipped[:, None] * STACK)
        taught = None
        if batch.clean is not None:
            with torch.no_grad():
                taught = self.teachers.encoder(batch.clean, chunked=False, offset=offset)
        found: dict[str, Loss] = {}
        if taught is not None:
            found["distance"] = _distance(encoded[spoken], taught[spoken])
        if self.plan.attention or self.plan.soft:
            found |= self._reading(encoded, taught, heard, batch)
        return found

    def _reading(
        self, encoded: Tensor, taught: Tensor | None, heard: Tensor, batch: Batch
    ) -> dict[str, Loss]:
        """Return the cross entropy of the text and the divergence from the teacher's decoder."""
        goals = functional.pad(batch.pieces, (0, 1))
        beyond = torch.arange(goals.shape[1], device=goals.device) > batch.piece_counts[:, None]
        seen = pass_back(encoded, self.plan.through)
        logits = self.model.decoder(seen, heard, batch.pieces)[~beyond].float()
        entropy = functional.cross_entropy(logits, goals[~beyond], reduction="sum")
        found = {"attention": (entropy, (~beyond).sum())}
        if taught is not None and self.teachers.decoder is not None:
            with torch.no_grad():
                said = self.teachers.decoder(taught, heard, batch.pieces)[~beyond]
            found["soft"] = _divergence(logits, said)
        return found


def _distance(frames: Tensor, goals: Tensor) -> Loss:
    """Return the relative squared error; predicting the mean gives 1."""
    goals = goals.float()
    return ((frames.float() - goals) ** 2).sum(), ((goals - goals.mean()) ** 2).sum()


def _divergence(logits: Tensor, goals: Tensor) -> Loss:
    """Return the Kullback-Leibler divergence from the teacher, in nats per piece."""
    ours, theirs = logits.log_softmax(-1), goals.float().log_softmax(-1)
    lost = functional.kl_div(ours, theirs, reduction="sum", log_target=True)
    return lost, torch.tensor(len(logits), device=logits.device)


def after_wake_word(frames: Tensor, batch: Batch) -> tuple[Tensor, Tensor]:
    """Drop the first `skipped` frames of each utterance; return frames and their counts."""
    counts = batch.frames - batch.skipped
    where = torch.arange(int(counts.max()), device=frames.device) + batch.skipped[:, None]
    where = where.clamp(max=frames.shape[1] - 1)
    return frames.gather(1, where[..., None].expand(-1, -1, frames.shape[2])), counts
