"""Trains the top on cached encoder frames: first CTC, then CTC and a pruned transducer loss.

In: utterances, a plan and a folder. Out: in that folder, `checkpoint.pt` with the weights and their
moving average, from which a run resumes, and `log.jsonl` with losses and dev word error rates. A
step whose losses or gradients are not finite changes no weights. After a kill, training resumes
from the last checkpoint.
"""

from __future__ import annotations

import copy
import math
import time
from collections.abc import Iterable, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional

from auricle.errors import ModelError, StorageError
from auricle.tokenizer import BLANK, Tokenizer
from auricle_train.models.top import Top, TopShape
from auricle_train.top.data import Example, TopBatch, TopBatches
from auricle_train.top.evaluation import greedy_rates
from auricle_train.top.plan import TopPlan
from auricle_train.training import checkpoint
from auricle_train.training.distributed import Group
from auricle_train.training.precision import computing
from auricle_train.training.run_log import RunLog
from auricle_train.training.signals import Interruption

LOSSES = ("ctc", "simple", "transducer")
SHOWN = 25  # steps per log line
BAD_STEPS = 50  # consecutive non-finite steps that end the run with an error


class TopObjective(nn.Module):
    """Computes the losses of a batch; the module that `DistributedDataParallel` wraps."""

    losses: tuple[str, ...] = LOSSES

    def __init__(self, top: Top, plan: TopPlan) -> None:
        super().__init__()
        self.top, self.plan = top, plan

    def weights(self) -> tuple[float, ...]:
        """Return the weight of each loss."""
        return self.plan.ctc, self.plan.simple, self.plan.transducer

    def forward(self, batch: TopBatch, most: Tensor, ctc_only: bool) -> Tensor:
        """Return (losses,), nats per token.

        Args:
            batch: batch of this process.
            most: () float32, mean token count of the processes' batches. With this divisor each
                token has the same weight in all processes.
            ctc_only: compute only the CTC loss; the others are 0.
        """
        encoded, counts = self.transcribed(batch)
        return self.likelihood(encoded, counts, batch, ctc_only) / most

    def transcribed(self, batch: TopBatch) -> tuple[Tensor, Tensor]:
        """Return the frames with a transcript, (batch, n, width) float32, and their counts."""
        return after_skipped(self.top.encode(batch.stacked).float(), batch)

    def likelihood(
        self, encoded: Tensor, counts: Tensor, batch: TopBatch, ctc_only: bool
    ) -> Tensor:
        """Return the summed CTC, simple and pruned transducer losses, in nats."""
        log_probs = self.top.ctc_log_probs(encoded)
        ctc = functional.ctc_loss(
            log_probs.transpose(0, 1), batch.targets, counts, batch.tokens,
            blank=BLANK, reduction="none", zero_infinity=True,
        ).sum()  # fmt: skip
        if ctc_only:
            return torch.stack([ctc, ctc.new_zeros(()), ctc.new_zeros(())])
        lengths = counts, batch.tokens
        found = self.top.transducer(encoded, batch.targets, lengths, self.plan.fast_emit)
        return torch.stack([ctc, found.simple.sum(), found.pruned.sum()])


def after_skipped(encoded: Tensor, batch: TopBatch) -> tuple[Tensor, Tensor]:
    """Drop the first `skipped` frames of each utterance; return frames and their counts."""
    counts = batch.frames - batch.skipped
    where = torch.arange(int(counts.max()), device=encoded.device) + batch.skipped[:, None]
    where = where.clamp(max=encoded.shape[1] - 1)
    return encoded.gather(1, where[..., None].expand(-1, -1, encoded.shape[2])), counts


class TopTrainer:
    """State of a run: weights, their moving average, optimizers, step and audio counts."""

    def __init__(
        self, shape: TopShape, plan: TopPlan, digest: str, out: Path, group: Group | None = None,
        start: Path | None = None, objective: type[TopObjective] = TopObjective,
    ) -> None:  # fmt: skip
        """Start a run, or resume from the checkpoint in `out`.

        Args:
            shape: sizes of the top.
            plan: settings of the run.
            digest: digest of the frozen encoder, see `encoder_cache.digest`.
            out: folder for checkpoint and log.
            group: processes that train together.
            start: checkpoint whose averaged weights initialise a new run.
            objective: class that computes the losses.

        Raises:
            ModelError: the checkpoint has another shape or encoder.
        """
        out.mkdir(parents=True, exist_ok=True)
        self.plan, self.digest, self.path = plan, digest, out / "checkpoint.pt"
        self.group = group or Group()
        torch.manual_seed(plan.seed)
        self.top = Top(shape, plan.dropout)
        self.step, self.heard, self.elapsed, self.left_out, self._bad = 0, 0.0, 0.0, 0, 0
        self.heard_before = 0.0  # seconds, by the run whose weights this one started with
        saved = checkpoint.read(self.path) if self.path.exists() else None
        if saved is None and start is not None:
            initial = checkpoint.read(start)
            self._check(start, initial)
            self.top.load_state_dict({k: v.float() for k, v in initial["average"].items()})
            self.heard_before = initial.get("heard", 0.0) + initial.get("heard_before", 0.0)
        self.average = copy.deepcopy(self.top).eval().requires_grad_(False)
        self.top.to(self.group.device)
        self.average.to(self.group.device)
        self._optimizers = _optimizers(self.top, plan)
        if saved is not None:
            self._resume(saved)
        self.objective = objective(self.top, plan)
        self._network = self.group.wrap(self.objective)

    def _check(self, path: Path, saved: dict[str, Any]) -> None:
        if TopShape.of(saved["shape"]) != self.top.shape or saved["digest"] != self.digest:
            raise ModelError(
                f"{path}: has shape {saved['shape']} and encoder {saved['digest'][:12]}, but this "
                f"run has {self.top.shape.as_dict()} and {self.digest[:12]}: use another checkpoint"
            )

    def _resume(self, saved: dict[str, Any]) -> None:
        self._check(self.path, saved)
        self.top.load_state_dict(saved["model"])
        self.average.load_state_dict(saved["average"])
        for optimizer, state in zip(self._optimizers, saved["optimizers"], strict=True):
            optimizer.load_state_dict(state)
        self.step, self.heard, self.elapsed = saved["step"], saved["heard"], saved["elapsed"]
        self.left_out = saved["left_out"]
        self.heard_before = saved.get("heard_before", 0.0)

    def save(self) -> None:
        """Write the checkpoint atomically, in the leading process only.

        Raises:
            StorageError: the file cannot be written; the previous checkpoint stays.
        """
        if self.group.leads:
            checkpoint.write(self.path, {
                "shape": self.top.shape.as_dict(), "digest": self.digest,
                "plan": asdict(self.plan), "model": self.top.state_dict(),
                "average": self.average.state_dict(),
                "optimizers": [item.state_dict() for item in self._optimizers],
                "step": self.step, "heard": self.heard, "elapsed": self.elapsed,
                "left_out": self.left_out, "heard_before": self.heard_before,
            } | self.more())  # fmt: skip

    def more(self) -> dict[str, Any]:
        """Return further entries of the checkpoint, for subclasses."""
        return {}

    def run(
        self, train: Sequence[Example], dev: Sequence[Example], tokenizer: Tokenizer
    ) -> int | None:
        """Train for the planned hours; return the signal that stopped the run, or None.

        Raises:
            ModelError: too many consecutive steps were not finite.
            StorageError: the last checkpoint cannot be written.
        """
        batches = TopBatches(
            train, self.plan.batch_seconds, (self.plan.seed, self.step),
            share=(self.group.rank, self.group.size),
        )  # fmt: skip
        return self.run_on(batches, dev, tokenizer)

    def run_on(
        self, batches: Iterable[TopBatch], dev: Sequence[Example], tokenizer: Tokenizer,
        until: float = math.inf,
    ) -> int | None:  # fmt: skip
        """Train like `run`, but on a given stream of batches.

        Args:
            batches: endless stream for this process.
            dev: clips to measure on.
            tokenizer: tokenizer of the first pass.
            until: time of the monotonic clock, in seconds, at which training pauses.
        """
        torch.manual_seed(abs(hash((self.plan.seed, self.group.rank, self.step))))
        log = RunLog(self.path.with_name("log.jsonl"), self.step) if self.group.leads else None
        last = saved = looked = time.monotonic()
        recent: list[Tensor] = []
        with Interruption() as asked:
            for batch in batches:
                must_stop = asked.signal is not None or time.monotonic() >= until
                losses, stop = self._train_step(batch, must_stop)
                recent.append(losses)
                now = time.monotonic()
                self.elapsed, last = self.elapsed + now - last, now
                if log is not None and self.step % SHOWN == 0:
                    self._log(log, torch.stack(recent).mean(0))
                    recent.clear()
                if log is not None and now - looked > self.plan.dev_seconds:
                    self._look(log, dev, tokenizer)
                    looked = last = time.monotonic()
                if now - saved > self.plan.save_seconds:
                    self._save_or_tell()
                    saved = now
                if stop:
                    break
        self.save()
        if log is not None:
            self._look(log, dev, tokenizer)
        return asked.signal

    def _train_step(self, batch: TopBatch, stop: bool) -> tuple[Tensor, bool]:
        """Return the losses and whether to stop; both are the same in all processes."""
        plan = self.plan
        ctc_only = self.heard < plan.ctc_hours * 3600
        self._set_rates()
        batch = batch.to(self.group.device)
        most = self.group.sum(batch.tokens.sum().float()).clamp(min=1) / self.group.size
        with computing(self.group.device):
            losses = self._network(batch, most, ctc_only)
        weights = losses.new_tensor(self.objective.weights())
        for optimizer in self._optimizers:
            optimizer.zero_grad(set_to_none=True)
        (weights * losses).sum().backward()
        norm = nn.utils.clip_grad_norm_(self.top.parameters(), 1.0)
        told = torch.tensor([batch.seconds, stop, torch.isfinite(norm), *losses.tolist()],
                            dtype=torch.float64)  # fmt: skip
        seconds, stops, finite, *shown = self.group.sum(told.to(self.group.device)).tolist()
        self._apply(finite == self.group.size)
        self.step, self.heard = self.step + 1, self.heard + seconds
        done = bool(stops) or self.heard >= plan.hours * 3600
        return torch.tensor(shown) / self.group.size, done

    def _apply(self, finite: bool) -> None:
        if not finite:
            self.left_out, self._bad = self.left_out + 1, self._bad + 1
            if self._bad >= BAD_STEPS:
                raise ModelError(
                    f"step {self.step}: losses or gradients of {self._bad} steps in a row were "
                    f"not finite; resume from the last checkpoint, {self.path}, with lower rates"
                )
            return
        self._bad = 0
        for optimizer in self._optimizers:
            optimizer.step()
        # A faster decay in the first steps keeps the initial weights out of the average.
        share = 1.0 - min(self.plan.average, (1 + self.step) / (10 + self.step))
        torch._foreach_lerp_(
            list(self.average.parameters()), [p.detach() for p in self.top.parameters()], share
        )

    def _set_rates(self) -> None:
        plan = self.plan
        left = (plan.hours * 3600 - self.heard) / max(plan.decay_hours * 3600, 1e-9)
        shape = min(1.0, max(left, 0.0)) * min(1.0, (self.step + 1) / plan.warm_steps)
        for optimizer in self._optimizers:
            for group in optimizer.param_groups:
                group["lr"] = group["peak"] * shape

    def _log(self, log: RunLog, means: Tensor) -> None:
        row: dict[str, Any] = {"step": self.step, "elapsed": round(self.elapsed, 1),
                               "heard_hours": round(self.heard / 3600, 3)}  # fmt: skip
        row |= {
            name: _rounded(value)
            for name, value in zip(self.objective.losses, means.tolist(), strict=True)
        }
        row["rate"] = self._optimizers[0].param_groups[0]["lr"]
        if self.left_out:
            row["left_out"] = self.left_out
        self._write(log, row)
        speed = self.heard / max(self.elapsed, 1e-9)
        losses = "  ".join(f"{name} {row[name]}" for name in self.objective.losses)
        print(f"step {self.step}  {self.heard / 3600:.2f} h heard  {speed:.0f} times real time  "
              f"{losses}", flush=True)  # fmt: skip

    def _look(self, log: RunLog, dev: Sequence[Example], tokenizer: Tokenizer) -> None:
        """Measure the averaged weights on the dev clips."""
        average = copy.deepcopy(self.average).cpu()
        found = greedy_rates(average, dev, tokenizer,
                             transducer=self.heard > self.plan.ctc_hours * 3600)  # fmt: skip
        rates = {kind: {name: round(100 * one.rate, 1) for name, one in sets.items()}
                 for kind, sets in found.items()}  # fmt: skip
        self._write(log, {"step": self.step, "elapsed": round(self.elapsed, 1),
                          "heard_hours": round(self.heard / 3600, 3), "dev": rates})  # fmt: skip
        print(f"dev word error rates, %: {rates}", flush=True)

    def _write(self, log: RunLog, row: dict[str, Any]) -> None:
        try:
            log.write(row)
        except OSError as error:
            print(f"log not written, it will be retried: {error}", flush=True)

    def _save_or_tell(self) -> None:
        try:
            self.save()
        except StorageError as error:
            print(f"{error}; training continues and retries", flush=True)


def load_top(path: Path) -> tuple[Top, dict[str, Any]]:
    """Return the averaged top of a checkpoint, in evaluation mode, and the checkpoint.

    Raises:
        ModelError: the file is not a checkpoint of `train-top`.
    """
    saved = checkpoint.read(path)
    try:
        top = Top(TopShape.of(saved["shape"]))
        top.load_state_dict({name: value.float() for name, value in saved["average"].items()})
    except (KeyError, TypeError, RuntimeError) as error:
        raise ModelError(f"{path}: not a checkpoint of `train-top` ({error}): use one") from error
    return top.eval(), saved


def _optimizers(top: Top, plan: TopPlan) -> list[torch.optim.Optimizer]:
    """Return AdamW and, if `matrix_rate` > 0, Muon (Jordan et al., 2024) for the matrices."""
    matrices = [item for name, item in top.blocks.named_parameters() if item.dim() == 2]
    own = {id(item) for item in matrices} if plan.matrix_rate else set()
    others = [item for item in top.parameters() if id(item) not in own]
    adam = torch.optim.AdamW([{"params": others, "peak": plan.rate}], lr=0.0, fused=True,
                             betas=(0.9, 0.98), weight_decay=plan.weight_decay)  # fmt: skip
    if not plan.matrix_rate:
        return [adam]
    muon = torch.optim.Muon(
        [{"params": matrices, "peak": plan.matrix_rate}], lr=0.0, weight_decay=plan.weight_decay,
        adjust_lr_fn="match_rms_adamw",
    )  # fmt: skip
    return [adam, muon]


def _rounded(value: float) -> float | None:
    """Return a rounded value, or None if it is not finite, because JSON has no NaN."""
    return round(value, 4) if math.isfinite(value) else None
