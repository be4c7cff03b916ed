"""What `test_joined` starts: steps of `train-top` on a tiny cache, under `torchrun` or alone.

Alone it hears what two processes would, joined. Utterances of one process are shorter than those of
the other, so that means over a process' own batch would not be means over both.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import torch

from auricle_train.data.encoder_cache import digest_of, read_cache
from auricle_train.top.data import Example, TopBatch, batch_of, examples_of
from auricle_train.top.plan import TopPlan
from auricle_train.top.training import TopTrainer
from auricle_train.training.distributed import joined
from testbed.small_top import TOP_SHAPE

from testbed.small_training import TOKENIZER  # isort: skip

PLAN = TopPlan(hours=200 / 3600, decay_hours=0.0, ctc_hours=30 / 3600, dropout=0.0, warm_steps=4)
COUNTS = (3, 1)  # utterances in a batch of each process


def batches_of(examples: list[Example], ranks: tuple[int, ...]) -> Iterator[TopBatch]:
    """Yield batches of the processes named, joined, from their ends of a list sorted by length."""
    number = 0
    while True:
        group = [examples[(-1) ** rank * (number + place) % len(examples)]
                 for rank in ranks for place in range(COUNTS[rank])]  # fmt: skip
        yield batch_of(group)
        number += 1


def main(folder: Path, cache: Path) -> None:
    """Train; the checkpoint and the log are the leader's."""
    torch.set_num_threads(1)
    examples = examples_of(read_cache(cache), TOKENIZER)
    examples.sort(key=lambda item: (len(item.tokens), item.utterance.search_frames))
    with joined() as group:
        ranks = (group.rank,) if group.size > 1 else (0, 1)
        trainer = TopTrainer(TOP_SHAPE, PLAN, digest_of(cache), folder, group)
        batches = batches_of(examples, ranks)
        trainer.run_on(batches, examples[:2], TOKENIZER)
        group.sum(torch.zeros(1))  # the leader has written the checkpoint
        resumed = TopTrainer(TOP_SHAPE, replace(PLAN, hours=220 / 3600), digest_of(cache), folder,
                             group)  # fmt: skip
        assert resumed.step == trainer.step
        resumed.run_on(batches, examples[:2], TOKENIZER)


if __name__ == "__main__":
    main(Path(sys.argv[1]), Path(sys.argv[2]))
