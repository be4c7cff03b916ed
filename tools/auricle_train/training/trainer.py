"""The training loop: steps, learning rates, checkpoints, and error handling.

In: an `Objective` and batches. Out: a checkpoint, from which a run resumes, and a log. A step with
non-finite losses changes no weights. A signal ends the run after the current step. A full disk
delays writing. After a kill, training resumes from the last checkpoint.
"""

from __future__ import annotations

import math
import time
from collections.abc import Generator, Iterable
from contextlib import closing
from dataclasses import asdict
from pathlib import Path
from typing import Any

import torch
from torch import Tensor
from torch.utils.data import DataLoader, IterableDataset

from auricle.errors import ModelError, StorageError
from auricle_train.data.batches import Batch
from auricle_train.losses.objective import LOSSES, Objective
from auricle_train.models.dimensions import Shape
from auricle_train.training import checkpoint
from auricle_train.training.distributed import Group
from auricle_train.training.precision import computing
from auricle_train.training.progress import Display
from auricle_train.training.run_log import Row, RunLog
from auricle_train.training.signals import Interruption, leave_to_parent

LEAST = 1e-12  # replaces a divisor of 0


class _Stream(IterableDataset[Batch]):
    """Makes a stream of batches a dataset for a worker process."""

    def __init__(self, batches: Iterable[Batch]) -> None:
        self._batches = batches

    def __iter__(self) -> Any:
        return iter(self._batches)


def _made_beside(batches: Iterable[Batch]) -> Generator[Batch]:
    """Yield batches that a worker process prepares; closing the generator ends the worker."""
    yield from DataLoader(
        _Stream(batches), batch_size=None, num_workers=1, prefetch_factor=4,
        worker_init_fn=leave_to_parent,
    )  # fmt: skip


class Trainer:
    """State of a run: weights, optimizer, step, time and audio counts."""

    def __init__(self, objective: Objective, path: Path, group: Group | None = None) -> None:
        """Start a run, or resume from the checkpoint at `path`.

        Raises:
            ModelError: the checkpoint has another shape.
        """
        self.group = group or Group()
        self.plan, self.model, self.path = objective.plan, objective.model, path
        self._objective = objective.to(self.group.device)
        self.optimizer = _optimizer(objective)
        self.step, self.elapsed, self.heard = 0, 0.0, 0.0  # steps, seconds, seconds of audio
        self.left_out, self.dropped = 0, 0  # non-finite steps; utterances with too long texts
        self._bad = 0  # consecutive non-finite steps
        self._disk_full = False
        if path.exists():
            self._resume(checkpoint.read(path))
        self._network = self.group.wrap(self._objective)

    def _resume(self, saved: dict[str, Any]) -> None:
        if Shape(**saved["shape"]) != self.model.shape:
            raise ModelError(
                f"{self.path}: has shape {saved['shape']}, but this run has "
                f"{self.model.shape.as_dict()}: name another folder"
            )
        self.model.load_state_dict(saved["model"])
        self.optimizer.load_state_dict(saved["optimizer"])
        self.step, self.elapsed, self.heard = saved["step"], saved["elapsed"], saved["heard"]
        self.left_out, self.dropped = saved.get("left_out", 0), saved.get("dropped", 0)

    def save(self) -> None:
        """Write the checkpoint atomically, in the leading process only.

        Raises:
            StorageError: the file cannot be written; the previous checkpoint stays.
        """
        if self.group.leads:
            checkpoint.write(self.path, {
                "shape": self.model.shape.as_dict(), "plan": asdict(self.plan),
                "model": self.model.state_dict(), "optimizer": self.optimizer.state_dict(),
                "step": self.step, "elapsed": self.elapsed, "heard": self.heard,
                "left_out": self.left_out, "dropped": self.dropped,
            })  # fmt: skip

    def run(self, batches: Iterable[Batch], log_path: Path) -> int | None:
        """Train for the planned time or until the batches end; return a signal that stopped it.

        Raises:
            ModelError: too many consecutive steps were not finite.
            StorageError: the last checkpoint cannot be written.
        """
        log = RunLog(log_path, self.step) if self.group.leads else None
        last = saved = time.monotonic()
        with (
            Interruption() as asked,
            Display(self.plan.minutes, self.group.leads) as display,
            closing(_made_beside(batches)) as prepared,
        ):
            for batch in prepared:
                now = time.monotonic()
                self.elapsed, last = self.elapsed + now - last, now
                row, stop = self._train_step(batch, asked.signal is not None)
                if log is not None:
                    self._write(log, row, display)
                    if now - saved > self.plan.save_seconds and not self._bad:
                        self._save_or_tell(display)
                        saved = now
                if stop:
                    break
        if not self._bad:
            self.save()
        return asked.signal

    def _write(self, log: RunLog, row: Row, display: Display) -> None:
        display.show(row)
        try:
            log.write(row)
        except OSError as error:
            self._tell_once(f"log not written, it will be retried: {error}", display)

    def _save_or_tell(self, display: Display) -> None:
        try:
            self.save()
        except StorageError as error:
            self._tell_once(f"{error}; training continues and retries", display)
        else:
            self._disk_full = False

    def _tell_once(self, sentence: str, display: Display) -> None:
        if not self._disk_full:
            display.tell(sentence)
        self._disk_full = True

    def _set_rates(self, warm: bool) -> None:
        done = min(1.0, self.elapsed / (self.plan.minutes * 60))
        rise = min(1.0, max(0, self.step - self.plan.warm_steps) / 200)
        shape = min(1.0, (1.0 - done) / self.plan.decay)
        *pretrained, heads = self.optimizer.param_groups
        for group in pretrained:
            group["lr"] = 0.0 if warm else group["peak"] * shape * rise
        heads["lr"] = heads["peak"] * shape * min(1.0, (self.step + 1) / 100)

    def _train_step(self, batch: Batch, stop: bool = False) -> tuple[Row, bool]:
        """Return the log row and whether to stop; both are the same in all processes."""
        warm = self.step < self.plan.warm_steps
        device = self.group.device
        with computing(device):
            losses = self._network(batch.to(device), warm)
        clock = [self.elapsed / self.group.size, batch.seconds, batch.dropped, stop]
        sums, counts, (elapsed, seconds, dropped, stops) = self._agree(losses, clock)
        self.elapsed = elapsed
        self._set_rates(warm)
        weights = self._objective.weights(warm).to(device)
        # Gradients are averaged over processes, but the divisors count the data of all processes.
        divisors = counts.clamp(min=LEAST)
        total = (weights * losses[0] / divisors).sum() * self.group.size
        self.optimizer.zero_grad(set_to_none=True)
        total.backward()
        norm = torch.nn.utils.clip_grad_norm_(self.model.parameters(), 5.0)
        self._apply(bool(torch.isfinite(norm) and torch.isfinite(sums).all()))
        self.step, self.heard = self.step + 1, self.heard + seconds
        self.dropped += int(dropped)
        row = {"step": self.step, "elapsed": round(self.elapsed, 1),
               "heard_hours": round(self.heard / 3600, 3)}  # fmt: skip
        means = zip(LOSSES, (sums / divisors).tolist(), counts.tolist(), strict=True)
        row |= {name: _rounded(mean, 4) for name, mean, count in means if count}
        row["norm"] = _rounded(float(norm), 3)
        row |= {name: count for name, count in (("left_out", self.left_out),
                                                ("dropped", self.dropped)) if count}  # fmt: skip
        return row, bool(stops) or self.elapsed > self.plan.minutes * 60

    def _agree(self, losses: Tensor, clock: list[float]) -> tuple[Tensor, Tensor, list[float]]:
        """Return loss sums, divisors and clock values, summed over the processes."""
        told = torch.tensor(clock, dtype=torch.float64, device=losses.device)
        told = self.group.sum(torch.cat([losses.detach().double().flatten(), told]))
        sums, counts = told[: losses.numel()].view(losses.shape).float()
        return sums, counts, told[losses.numel() :].tolist()

    def _apply(self, finite: bool) -> None:
        """Update the weights if losses and gradients are finite.

        Raises:
            ModelError: too many consecutive steps were not finite.
        """
        if finite:
            self.optimizer.step()
            self._bad = 0
            return
        self._bad, self.left_out = self._bad + 1, self.left_out + 1
        if self._bad >= self.plan.bad_steps:
            last = f"the last checkpoint is {self.path}" if self.path.exists() else (
                "there is no checkpoint yet")  # fmt: skip
            raise ModelError(
                f"step {self.step}: losses or gradients of {self._bad} steps in a row were not "
                f"finite; {last}: resume from there with lower rates"
            )


def _optimizer(objective: Objective) -> torch.optim.Optimizer:
    """Return AdamW with parameter groups for encoder, branch, decoder and heads."""
    model, plan = objective.model, objective.plan
    # Adam takes full steps even for tiny gradients. It would change the embeddings of pieces that
    # are not in the batch, and so what Whisper knows of rare words. So the tables are frozen.
    for table in model.decoder.tables:
        table.requires_grad_(False)
    modules = (model.encoder, model.branch, model.decoder)
    parts = [list(module.parameters()) if module is not None else [] for module in modules]
    own = {id(parameter) for part in parts for parameter in part}
    heads = [item for item in model.parameters() if id(item) not in own]
    rates = plan.encoder_rate, plan.branch_rate, plan.decoder_rate, plan.head_rate
    groups = [
        {"params": part, "peak": rate} for part, rate in zip((*parts, heads), rates, strict=True)
    ]
    for group in groups:
        for parameter in group["params"] if not group["peak"] else ():
            parameter.requires_grad_(False)
    return torch.optim.AdamW(groups, lr=0.0, fused=True, betas=(0.9, 0.98), weight_decay=0.01)


def _rounded(value: float, digits: int) -> float | None:
    """Return a rounded value, or None if it is not finite, because JSON has no NaN."""
    return round(value, digits) if math.isfinite(value) else None
