"""Minimum word error rate training of the top (Guo et al., arXiv:2007.13802).

In: n-best lists of a trained top. Out: a top with fewer expected word errors on them. The
probability of a hypothesis is summed over its alignments and renormalised over its list. The
daemon's search adds CTC and transducer scores, so both contribute to the score of a hypothesis.
"""

from __future__ import annotations

import shutil
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional

from auricle.tokenizer import BLANK, Tokenizer
from auricle_train.losses.pruned_transducer_loss import pruned_transducer_loss
from auricle_train.models.top import Top, TopShape
from auricle_train.models.transducer import contexts_of
from auricle_train.top.data import TopBatch, TopBatches
from auricle_train.top.nbest_lists import Listed, ListOptions, read_lists, top_digest, write_lists
from auricle_train.top.plan import MwerPlan, TopPlan
from auricle_train.top.training import LOSSES, TopObjective, TopTrainer
from auricle_train.training import checkpoint
from auricle_train.training.distributed import Group

MISSING = -1e9  # score of an empty place in a list


@dataclass(frozen=True)
class MwerBatch(TopBatch):
    """Utterances and their n-best lists, padded to the longest list."""

    hypotheses: Tensor  # (batch, most hypotheses, tokens) int64, padded with blanks
    hypothesis_tokens: Tensor  # (batch, most hypotheses) int64
    errors: Tensor  # (batch, most hypotheses) float32, word errors
    present: Tensor  # (batch, most hypotheses) bool


class MwerBatches(TopBatches):
    """An endless, seeded stream of batches with lists."""

    def __init__(
        self, listed: Sequence[Listed], seconds: float, seed: int | Sequence[int],
        share: tuple[int, int] = (0, 1),
    ) -> None:  # fmt: skip
        """Create the stream; arguments as in `TopBatches`."""
        super().__init__([item.example for item in listed], seconds, seed, share=share)
        self._listed = listed

    def _batch(self, numbers: Sequence[int]) -> MwerBatch:
        return with_lists(super()._batch(numbers), [self._listed[number] for number in numbers])


def with_lists(batch: TopBatch, listed: Sequence[Listed]) -> MwerBatch:
    """Add the n-best lists of its utterances to a batch."""
    most = max(len(item.hypotheses) for item in listed)
    longest = max(1, *(len(tokens) for item in listed for tokens in item.hypotheses))
    hypotheses = np.full((len(listed), most, longest), BLANK, np.int64)
    counts = np.zeros((len(listed), most), np.int64)
    errors = np.zeros((len(listed), most), np.float32)
    present = np.zeros((len(listed), most), np.bool_)
    for row, item in enumerate(listed):
        errors[row, : len(item.errors)] = item.errors
        present[row, : len(item.hypotheses)] = True
        for place, tokens in enumerate(item.hypotheses):
            hypotheses[row, place, : len(tokens)] = tokens
            counts[row, place] = len(tokens)
    own = (getattr(batch, item.name) for item in fields(TopBatch))
    return MwerBatch(*own, *map(torch.from_numpy, (hypotheses, counts, errors, present)))


def expected_errors(scores: Tensor, errors: Tensor, present: Tensor) -> Tensor:
    """Return the expected word errors of each list, (batch,), differentiable in the scores.

    The mean of a list is subtracted before the product and added after it. Renormalised
    probabilities sum to 1, so this only improves rounding.

    Args:
        scores: (batch, hypotheses) natural log, not normalised.
        errors: (batch, hypotheses) word errors.
        present: (batch, hypotheses) bool, whether the place has a hypothesis; at least one per
            list.
    """
    shares = scores.masked_fill(~present, MISSING).softmax(-1)
    mean = (errors * present).sum(-1, keepdim=True) / present.sum(-1, keepdim=True)
    return (shares * (errors - mean)).sum(-1) + mean[:, 0]


class MwerObjective(TopObjective):
    """Computes the expected word errors and the losses of `train-top`."""

    losses = ("expected", *LOSSES)
    plan: MwerPlan

    def __init__(self, top: Top, plan: TopPlan) -> None:
        if not isinstance(plan, MwerPlan):
            raise TypeError("plan: must be an MwerPlan")
        super().__init__(top, plan)

    def weights(self) -> tuple[float, ...]:
        """Return the weight of each loss."""
        return self.plan.expected, *(self.plan.likelihood * one for one in super().weights())

    def forward(self, batch: TopBatch, most: Tensor, ctc_only: bool) -> Tensor:
        """Return (losses,) per token: expected word errors, then nats; see `TopObjective`."""
        if not isinstance(batch, MwerBatch):
            raise TypeError("batch: has no n-best lists")
        encoded, counts = self.transcribed(batch)
        expected = encoded.new_zeros(())
        if self.plan.expected:
            scores = self.scores(encoded, counts, batch)
            expected = expected_errors(scores, batch.errors, batch.present).sum()
        others = self.likelihood(encoded, counts, batch, ctc_only)
        return torch.cat([expected[None], others]) / most

    def scores(self, encoded: Tensor, counts: Tensor, batch: MwerBatch) -> Tensor:
        """Return the log probability of each hypothesis, (batch, hypotheses), not renormalised."""
        size = batch.hypotheses.shape[:2]
        rows = torch.arange(size[0], device=encoded.device).repeat_interleave(size[1])
        targets, tokens = batch.hypotheses.flatten(0, 1), batch.hypothesis_tokens.flatten()
        predictions = self.top.predictions(contexts_of(targets))
        with torch.no_grad():  # only used for pruning
            simple = self.top.simple(encoded[rows], predictions, targets)
        transducer = pruned_transducer_loss(
            self.top.project(encoded)[rows], predictions, self.top.output, simple, targets,
            (counts[rows], tokens),
        ).pruned  # fmt: skip
        if not self.plan.ctc_share:
            return -transducer.view(size)
        ctc = functional.ctc_loss(
            self.top.ctc_log_probs(encoded)[rows].transpose(0, 1), targets, counts[rows], tokens,
            blank=BLANK, reduction="none", zero_infinity=True,
        )  # fmt: skip
        share = self.plan.ctc_share
        return -((1.0 - share) * transducer + share * ctc).view(size)


@dataclass(frozen=True)
class Lists:
    """Where the n-best lists are read and how they are decoded again."""

    shards: Sequence[Path]  # index files of caches
    folder: Path  # lists decoded with the start checkpoint
    tokenizer: Tokenizer
    options: ListOptions = ListOptions()  # for lists that the run decodes itself


class MwerTrainer(TopTrainer):
    """Trains on n-best lists, and decodes new ones every `refresh_hours`."""

    plan: MwerPlan

    def __init__(
        self, shape: TopShape, plan: MwerPlan, digest: str, out: Path, start: Path, lists: Lists,
        group: Group | None = None,
    ) -> None:  # fmt: skip
        """Start a run, or resume from the checkpoint in `out`; arguments as in `TopTrainer`.

        Raises:
            ModelError: the checkpoint has another shape or encoder.
        """
        super().__init__(shape, plan, digest, out, group, start, MwerObjective)
        self._lists, self._out = lists, out
        saved = checkpoint.read(self.path) if self.path.exists() else {}
        self._listed_top: str = saved.get("lists", top_digest(self.average))
        self._listed_at: float = saved.get("listed_at", 0.0)

    def more(self) -> dict[str, Any]:
        """Return which lists the run uses, for the checkpoint."""
        return {"lists": self._listed_top, "listed_at": self._listed_at}

    def batches(self) -> Iterator[TopBatch]:
        """Yield batches for this process, endlessly.

        Raises:
            ModelError: the lists belong to another top.
        """
        while True:
            listed = read_lists(
                self._lists.shards, self._folder(), self.average, (self._listed_top, self.digest),
                self._lists.tokenizer,
            )  # fmt: skip
            for batch in MwerBatches(
                listed, self.plan.batch_seconds, (self.plan.seed, self.step),
                (self.group.rank, self.group.size),
            ):  # fmt: skip
                yield batch
                if self._is_due():
                    break
            self._refresh()

    def _is_due(self) -> bool:
        hours = self.plan.refresh_hours
        return hours > 0 and self.heard - self._listed_at >= hours * 3600

    def _folder(self) -> Path:
        own = self._out / f"lists-{self._listed_top[:12]}"
        return own if own.exists() else self._lists.folder

    def _refresh(self) -> None:
        """Decode new lists with the averaged weights, in the leading process only."""
        self._listed_top, self._listed_at = top_digest(self.average), self.heard
        folder = self._out / f"lists-{self._listed_top[:12]}"
        if self.group.leads:
            write_lists(self._lists.shards, folder, self.average, self.digest,
                        self._lists.tokenizer, self._lists.options)  # fmt: skip
        self.group.sum(torch.zeros(1, device=self.group.device))  # barrier: wait for the leader
        self.save()
        if self.group.leads:
            for other in self._out.glob("lists-*"):
                if other != folder:
                    shutil.rmtree(other)
