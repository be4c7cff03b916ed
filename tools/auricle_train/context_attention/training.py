"""Trains the attention to names beside the frozen encoder.

In: a stream of `Drawn`. Out: a checkpoint, resumed when it exists, and a log of one JSON object a
line. Attention is taught where to look: where a name ends, as CTC aligns it, it is to see that name
and not no-bias; everywhere else no-bias.
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

LATE = 3  # search frames: a token may come before its sound is over
LOSSES = ("attended", "nothing", "ranking", "first")


@dataclass(frozen=True)
class AttendingPlan:
    """What a run does."""

    minutes: float = 30.0
    rate: float = 1e-3  # rises at first, is constant, and falls to 0 in the last part
    warm_steps: int = 200
    decay: float = 0.6  # that part
    nothing: float = 4.0  # weight of no-bias
    ranking: float = 0.3  # weight of the ranking over whole utterances
    sharpness: float = 4.0  # of the pooling over frames there: large is the best frame alone
    only_listener: float = 0.0  # first part of the time, in which the context encoder stays
    save_seconds: float = 120.0
    log_steps: int = 20


def pooled(scores: Tensor, heard: Tensor, sharpness: float) -> Tensor:
    """(batch, n, names) and (batch, n) bool -> (batch, names): a smooth maximum over frames."""
    masked = scores + torch.where(heard, 0.0, MASKED)[..., None]
    return (masked * sharpness).logsumexp(dim=1) / sharpness


def losses(scores: Tensor, batch: Drawn, sharpness: float) -> Tensor:
    """Return (4,): three losses, and the share of names that come before all that nobody says.

    Attention where a name ends, against no-bias and all that nobody says, in nats a name; no-bias
    everywhere, in nats a frame; and the ranking over whole utterances, in nats a name.

    Args:
        scores: (batch, n, names) of `Attending`.
        batch: what they are of.
        sharpness: how close the soft maximum over frames is to the hard one.
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
    """What a run changes."""

    def __init__(self, model: Attending, plan: AttendingPlan, path: Path) -> None:
        """Begin, or go on from the checkpoint at `path`."""
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
        """Write the checkpoint; raises StorageError."""
        checkpoint.write(self.path, {
            "shape": self.model.shape.as_dict(), "plan": asdict(self.plan),
            "model": self.model.state_dict(), "optimizer": self.optimizer.state_dict(),
            "step": self.step, "elapsed": self.elapsed, "heard": self.heard,
        })  # fmt: skip

    def save_weights(self, path: Path) -> None:
        """Write what `load` needs, the weights as float16; raises StorageError."""
        weights = {name: value.half() for name, value in self.model.state_dict().items()}
        checkpoint.write(path, {
            "shape": self.model.shape.as_dict(), "plan": asdict(self.plan), "model": weights,
            "step": self.step, "elapsed": self.elapsed, "heard": self.heard,
        })  # fmt: skip

    def train(self, batches: Iterable[Drawn], log_path: Path) -> None:
        """Train until the plan's time is over, or a signal asks to end."""
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
        """Return LOSSES."""
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
        ModelError: it is not a checkpoint of `attend`.
    """
    saved = checkpoint.read(path)
    try:
        model = Attending(AttendingShape.of(saved["shape"]))
        model.load_state_dict({name: value.float() for name, value in saved["model"].items()})
    except (KeyError, TypeError, RuntimeError) as error:
        raise ModelError(f"{path}: not a checkpoint of `attend` ({error}): name one") from error
    return model.eval()


def take_fitting(model: Attending, path: Path) -> list[str]:
    """Give a network the weights of another checkpoint that have the same name and size.

    Returns:
        The names of the weights that stay as they are.

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
