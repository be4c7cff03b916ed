"""Trains the reranker's language model for a given time.

In: sentences and a vocabulary. Out: a log and a checkpoint, from which a later run resumes. On a
signal the run ends after the current step. The learning rate rises over the first steps and decays
to zero at the end.
"""

from __future__ import annotations

import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional

from auricle.errors import ModelError
from auricle_train.reranker.network import Transformer
from auricle_train.reranker.text import Source
from auricle_train.training import checkpoint
from auricle_train.training.precision import computing
from auricle_train.training.run_log import RunLog
from auricle_train.training.signals import Interruption
from reranker.network import Shape
from reranker.vocabulary import BOUNDARY, Vocabulary

NOTHING = -100  # target of padding, which the loss ignores
AT_ONCE = 32  # batches drawn together, with their sentences sorted by length
DEVICE = torch.device("cpu")

Sentences = Sequence[list[int]]


@dataclass(frozen=True)
class Plan:
    """Settings of the training."""

    minutes: float = 35.0
    rate: float = 3e-3  # peak learning rate
    warm_steps: int = 100  # steps over which the rate rises
    decay: float = 0.8  # final share of the time over which the rate decays
    dropout: float = 0.1
    weight_decay: float = 0.05
    batch_tokens: int = 1500
    longest: int = 48  # maximum tokens per sentence; longer ones are truncated
    save_seconds: float = 120.0
    seed: int = 1


class Run:
    """Model, optimiser and progress of a training run."""

    def __init__(self, shape: Shape, plan: Plan, path: Path) -> None:
        """Start, or resume from `path`; raises ModelError if the checkpoint has another shape."""
        torch.manual_seed(plan.seed)
        self.plan, self._path = plan, path
        self.model = Transformer(shape, plan.dropout)
        matrices = [weight for weight in self.model.parameters() if weight.ndim > 1]
        scales = [weight for weight in self.model.parameters() if weight.ndim == 1]
        groups = [
            {"params": matrices, "weight_decay": plan.weight_decay},
            {"params": scales, "weight_decay": 0.0},
        ]
        self._optimizer = torch.optim.AdamW(groups, lr=plan.rate, betas=(0.9, 0.98))
        self.step, self.elapsed, self.read = 0, 0.0, 0
        if path.exists():
            saved = checkpoint.read(path)
            if saved["shape"] != asdict(shape):
                raise ModelError(f"{path}: made with shape {saved['shape']}: name another folder")
            self.model.load_state_dict(saved["model"])
            self._optimizer.load_state_dict(saved["optimizer"])
            self.step, self.elapsed, self.read = saved["step"], saved["elapsed"], saved["read"]

    def train(self, batches: Iterator[Tensor], log_path: Path) -> None:
        """Train until the time is over or a signal arrives."""
        log = RunLog(log_path, self.step)
        last = saved = time.monotonic()
        self.model.train()
        with Interruption() as asked:
            while self.elapsed < 60 * self.plan.minutes and asked.signal is None:
                tokens = next(batches)
                loss, rate = self._learn(tokens)
                now = time.monotonic()
                self.elapsed, last = self.elapsed + now - last, now
                self.read += int((tokens != NOTHING).sum())
                row = {"step": self.step, "seconds": round(self.elapsed, 1), "read": self.read}
                log.write(row | {"loss": round(loss, 4), "rate": rate})
                if now - saved > self.plan.save_seconds:
                    self.save()
                    saved = now
        self.save()

    def _learn(self, batch: Tensor) -> tuple[float, float]:
        """Train on (sentences, tokens + 1); return the loss in nats per token, and the rate."""
        done = self.elapsed / (60 * self.plan.minutes)
        rise = min(1.0, (self.step + 1) / self.plan.warm_steps)
        rate = self.plan.rate * rise * max(0.0, min(1.0, (1 - done) / self.plan.decay))
        for group in self._optimizer.param_groups:
            group["lr"] = rate
        loss = loss_of(self.model, batch)
        self._optimizer.zero_grad()
        loss.backward()
        torch.nn.utils.clip_grad_norm_(self.model.parameters(), 1.0)
        self._optimizer.step()
        self.step += 1
        return loss.item(), rate

    def save(self) -> None:
        """Write the checkpoint; raises StorageError."""
        checkpoint.write(self._path, {
            "shape": self.model.described(), "plan": asdict(self.plan),
            "model": self.model.state_dict(), "optimizer": self._optimizer.state_dict(),
            "step": self.step, "elapsed": self.elapsed, "read": self.read,
        })  # fmt: skip


def loss_of(model: Transformer, batch: Tensor) -> Tensor:
    """Return the mean loss in nats per token of a batch, (sentences, tokens + 1)."""
    given, wanted = batch[:, :-1].clamp_min(BOUNDARY), batch[:, 1:]
    with computing(DEVICE):
        logits = model(given)
    # Skip padding, which can be half of a batch.
    kept = wanted != NOTHING
    return functional.cross_entropy(logits[kept].float(), wanted[kept])


def encode(sources: Mapping[str, Source], vocabulary: Vocabulary) -> dict[str, Sentences]:
    """Return the training sentences of each source as tokens."""
    return {
        name: [vocabulary.of_words(words) for words in source.learned]
        for name, source in sources.items()
    }


def draw(
    sources: Mapping[str, Source], sentences: Mapping[str, Sentences], plan: Plan, seed: int
) -> Iterator[Tensor]:
    """Yield an endless stream of batches (sentences, tokens + 1) of sentences similar in length."""
    generator = np.random.default_rng(seed)
    names = list(sentences)
    shares = np.array([sources[name].share for name in names])
    orders: dict[str, list[int]] = {name: [] for name in names}
    while True:
        drawn: list[list[int]] = []
        count = 0
        while count < AT_ONCE * plan.batch_tokens:
            name = names[int(generator.choice(len(names), p=shares / shares.sum()))]
            if not orders[name]:
                orders[name] = generator.permutation(len(sentences[name])).tolist()
            drawn.append(sentences[name][orders[name].pop()][: plan.longest])
            count += len(drawn[-1]) + 1
        drawn.sort(key=len)
        batches = list(split(drawn, plan.batch_tokens))
        for place in generator.permutation(len(batches)):
            yield filled(batches[place])


def split(sentences: Sentences, tokens: int) -> Iterator[Sentences]:
    """Yield batches of at most `tokens` tokens, padding included, from sorted sentences."""
    batch: list[list[int]] = []
    for sentence in sentences:
        if batch and (len(batch) + 1) * (len(sentence) + 1) > tokens:
            yield batch
            batch = []
        batch.append(sentence)
    if batch:
        yield batch


def filled(sentences: Sentences) -> Tensor:
    """Return (sentences, longest + 2) with boundary tokens, padded with NOTHING."""
    rows = torch.full((len(sentences), max(map(len, sentences)) + 2), NOTHING)
    for row, sentence in zip(rows, sentences, strict=True):
        row[: len(sentence) + 2] = torch.tensor([BOUNDARY, *sentence, BOUNDARY])
    return rows


def losses(
    model: Transformer, sources: Mapping[str, Source], vocabulary: Vocabulary, plan: Plan
) -> dict[str, Any]:
    """Return nats per word on held-out sentences by source; a sentence end counts as a word."""
    model.eval()
    found = {}
    with torch.inference_mode():
        for name, source in sources.items():
            tokens = sorted((vocabulary.of_words(words) for words in source.held_out), key=len)
            words = sum(len(words) + 1 for words in source.held_out)
            total = 0.0
            for batch in map(filled, split(tokens, plan.batch_tokens)):
                total += float(loss_of(model, batch)) * int((batch[:, 1:] != NOTHING).sum())
            if words:
                found[name] = round(total / words, 3)
    return found
