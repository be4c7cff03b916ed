"""What `test_group` starts: a few steps, under `torchrun` of each process on batches of its own.

Alone it hears what two processes would, joined.
"""

from __future__ import annotations

import sys
from collections.abc import Iterable
from dataclasses import fields, replace
from itertools import islice
from pathlib import Path

import torch
from torch import Tensor
from torch.nn import functional

from auricle.features import SILENCE
from auricle_train.data.batches import Batch
from auricle_train.training.distributed import joined
from auricle_train.training.trainer import Trainer
from testbed.small_training import PLAN, make_batches, make_objective

# Nothing is drawn: which utterances the transducer takes, where positions begin.
SETTLED = replace(PLAN, nodes=10**9, shifted_share=0.0)
STEPS = 8


def batches_of(rank: int) -> Iterable[Batch]:
    """Return the batches of a process, with no teacher: it would hear where the other is silent."""
    return islice(iter(make_batches((3, rank), taught=0.0, seconds=5)), STEPS)


def merge(one: Batch, other: Batch) -> Batch:
    """Return the utterances of both."""
    features = _stack([one.features, other.features], SILENCE)
    tensors = {
        item.name: _stack([getattr(one, item.name), getattr(other, item.name)])
        for item in fields(Batch)
        if item.name not in {"clean", "features", "seconds", "dropped"}
    }
    seconds = one.seconds + other.seconds
    return Batch(clean=None, features=features, seconds=seconds, **tensors)


def _stack(tensors: list[Tensor], filling: float = 0.0) -> Tensor:
    if tensors[0].ndim == 1:
        return torch.cat(tensors)
    longest = max(item.shape[1] for item in tensors)
    padded = []
    for item in tensors:
        behind = (0, 0) * (item.ndim - 2) + (0, longest - item.shape[1])
        padded.append(functional.pad(item, behind, value=filling))
    return torch.cat(padded)


def main(folder: Path) -> None:
    """Train; the checkpoint and the log are the leader's."""
    torch.set_num_threads(1)
    with joined() as group:
        batches = batches_of(group.rank)
        if group.size == 1:
            batches = [merge(*both) for both in zip(batches, batches_of(1), strict=True)]
        trainer = Trainer(make_objective(SETTLED), folder / "checkpoint.pt", group)
        trainer.run(list(batches), folder / "log.jsonl")


if __name__ == "__main__":
    main(Path(sys.argv[1]))
