"""Trains the context attention on cached output of the frozen encoder.

In: a stream of `Drawn`. Out: a checkpoint, from which a run resumes, and a log with one JSON object
per line. Where a name ends, according to CTC alignment, the attention must select that name instead
of no-bias; everywhere else it must select no-bias.
"""

from __future__ import annotations

import time
from collections.abc import Iterable
from dataclasses import asdict, dataclass
from pathlib import Path

import torch
from torch import Tensor
from torch.nn import functional

from auricle.errors import ModelError
from auricle_train.context_attention.model import Attending, AttendingShape
from auricle_train.context_attention.sampling import Drawn
from auricle_train.models.attention import MASKED
from auricle_train.training import checkpoint
from auricle_train.training.precision import computing
from auricle_train.training.run_log import RunLog
from auricle_train.training.signals import Interruption

LATE = 3  # search frames of tolerance, since a token may be emitted before its sound ends
LOSSES = ("attended", "nothing", "ranking", "first")


@dataclass(frozen=True)
class AttendingPlan:
    """Settings of a run."""

    minutes: float = 30.0  # wall time, including resumed runs
    rate: float = 1e-3  # peak learning rate
    warm_steps: int = 200  # steps over which the learning rate rises
    decay: float = 0.6  # last share of the time, in which the learning rate falls to 0
    nothing: float = 4.0  # weight of the no-bias loss
    ranking: float = 0.3  # weight of the ranking loss over whole utterances
    sharpness: float = 4.0  # of the soft maximum over frames in the ranking
    only_listener: float = 0.0  # first share of the time, with a frozen context encoder
    save_seconds: float = 120.0  # between checkpoints
    log_steps: int = 20


def pooled(scores: Tensor, heard: Tensor, sharpness: float) -> Tensor:
    """Return a soft maximum over frames, (batch, names), of scores (batch, n, names)."""
    masked = scores + torch.where(heard, 0.0, MASKED)[..., None]
    return (masked * sharpness).logsumexp(dim=1) / sharpness


def losses(scores: Tensor, batch: Drawn, sharpness: float) -> Tensor:
    """Return (4,): three losses, and the share of names ranked above all unspoken names.

    The losses are: attention at the end of a name against no-bias and unspoken names, in nats per
    name; no-bias against unspoken names in all frames, in nats per frame; and the ranking over
    whole utterances, in nats per name.

    Args:
        scores: (batch, n, names) output of `Attending`.
        batch: batch of these scores.
        sharpness: of the soft maximum over frames; higher is closer to the maximum.
    """
    unsaid = scores + torch.where(batch.said, MASKED, 0.0)[:, None]
    others = unsaid.logsumexp(dim=-1)  # (batch, n)
    nothing = functional.softplus(others)
    rows, names, ends = batch.ends.unbind(1)
    window = (ends[:, None] + torch.arange(LATE)).clamp(max=scores.shape[1] - 1)
    at_end = scores[rows[:, None], window, names[:, None]]
    attended = -functional.softplus(nothing[rows[:, None], window] - at_end).amax(dim=1)
    whole = pooled(scores, batch.heard, sharpness)
    rivals = torch.where(batch.said, MASKED, whole)
    ranking = functional.softplus(rivals.logsumexp(dim=1)[rows] - whole[rows, names])
    first = (whole[rows, names] > rivals.amax(dim=1)[rows]).float()
    return torch.stack(
        [-attended.mean(), nothing[batch.heard].mean(), ranking.mean(), first.mean()]
    )


class Run:
    """State of a run: weights, optimizer, step, time and audio counts."""

    def __init__(self, model: Attending, plan: AttendingPlan, path: Path) -> None:
        """Start a run, or resume from the checkpoint at `path`."""
        self.model, self.plan, self.path = model, plan, path
        self.optimizer = torch.optim.AdamW(
            model.parameters(), lr=0.0, betas=(0.9, 0.98), weight_decay=0.01
        )
        self.step, self.elapsed, self.heard = 0, 0.0, 0.0
        if path.exists():
            saved = checkpoint.read(path)
            model.load_state_dict(saved["model"])
            self.optimizer.load_state_dict(saved["optimizer"])
            self.step, self.elapsed, self.heard = (
                saved[name] for name in ("step", "elapsed", "heard")
            )

    def save(self) -> None:
        """Write the checkpoint.

        Raises:
            StorageError: the file cannot be written.
        """
        checkpoint.write(self.path, {
            "shape": self.model.shape.as_dict(), "plan": asdict(self.plan),
            "model": self.model.state_dict(), "optimizer": self.optimizer.state_dict(),
            "step": self.step, "elapsed": self.elapsed, "heard": self.heard,
        })  # fmt: skip

    def save_weights(self, path: Path) -> None:
        """Write a checkpoint for `load`, with float16 weights and without optimizer state.

        Raises:
            StorageError: the file cannot be written.
        """
        weights = {name: value.half() for name, value in self.model.state_dict().items()}
        checkpoint.write(path, {
            "shape": self.model.shape.as_dict(), "plan": asdict(self.plan), "model": weights,
            "step": self.step, "elapsed": self.elapsed, "heard": self.heard,
        })  # fmt: skip

    def train(self, batches: Iterable[Drawn], log_path: Path) -> None:
        """Train for the planned time, or until SIGINT or SIGTERM."""
        log, sums = RunLog(log_path, self.step), torch.zeros(len(LOSSES))
        last = saved = time.monotonic()
        with Interruption() as asked:
            for batch in batches:
                sums += self._train_step(batch)
                now = time.monotonic()
                self.elapsed, last = self.elapsed + now - last, now
                self.step, self.heard = self.step + 1, self.heard + batch.seconds
                if self.step % self.plan.log_steps == 0:
                    means = (sums / self.plan.log_steps).tolist()
                    log.write({
                        "step": self.step, "elapsed": round(self.elapsed, 1),
                        "heard_hours": round(self.heard / 3600, 3),
                        **{name: round(mean, 4) for name, mean in zip(LOSSES, means, strict=True)},
                    })  # fmt: skip
                    sums.zero_()
                if now - saved > self.plan.save_seconds:
                    self.save()
                    saved = now
                if asked.signal is not None or self.elapsed > self.plan.minutes * 60:
                    break
        self.save()

    def _train_step(self, batch: Drawn) -> Tensor:
        """Train on one batch; return LOSSES."""
        done = min(1.0, self.elapsed / (self.plan.minutes * 60))
        rise = (self.step + 1) / self.plan.warm_steps
        rate = self.plan.rate * min(1.0, rise, (1.0 - done) / self.plan.decay)
        for group in self.optimizer.param_groups:
            group["lr"] = rate
        self.model.names.requires_grad_(done >= self.plan.only_listener)
        with computing(torch.device("cpu")):
            scores = self.model(batch.stacked, batch.letters)
        found = losses(scores, batch, self.plan.sharpness)
        attended, nothing, ranking, _ = found.unbind()
        self.optimizer.zero_grad(set_to_none=True)
        (attended + self.plan.nothing * nothing + self.plan.ranking * ranking).backward()
        torch.nn.utils.clip_grad_norm_(self.model.parameters(), 5.0)
        self.optimizer.step()
        return found.detach()


def load(path: Path) -> Attending:
    """Return the networks of a checkpoint, in evaluation mode.

    Raises:
        ModelError: the file is not a checkpoint of `train-context-attention`.
    """
    saved = checkpoint.read(path)
    try:
        model = Attending(AttendingShape.of(saved["shape"]))
        model.load_state_dict({name: value.float() for name, value in saved["model"].items()})
    except (KeyError, TypeError, RuntimeError) as error:
        raise ModelError(
            f"{path}: not a checkpoint of `train-context-attention` ({error}): use one"
        ) from error
    return model.eval()


def take_fitting(model: Attending, path: Path) -> list[str]:
    """Load the weights of a checkpoint that have the same name and shape.

    Returns:
        The names of the weights that were not loaded.

    Raises:
        ModelError: `path` is not a checkpoint.
    """
    saved, own = checkpoint.read(path)["model"], model.state_dict()
    fitting = {
        name: value.float() for name, value in saved.items()
        if name in own and value.shape == own[name].shape
    }  # fmt: skip
    model.load_state_dict(own | fitting)
    return [name for name in own if name not in fitting]
