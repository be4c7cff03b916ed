"""Measures the cost of a teacher per training step: run online, or read from disk.

    python -m auricle_train.distillation.cost --data DATA --whisper model.bin \
        --vocabulary tokens.txt --pieces pieces.txt --targets FOLDER

In: training sets and a folder of targets. Out: processor seconds of one thread for a step without
teacher, for the teacher, and for reading the same number of frames from disk. Processor time is
used because, unlike wall time, it does not depend on the load of the machine.
"""

from __future__ import annotations

import argparse
import time
from collections.abc import Sequence
from dataclasses import replace
from itertools import cycle, islice
from pathlib import Path

import numpy as np
import torch

from auricle_train.data.batches import Batch, Batches
from auricle_train.data.corpus import BACKGROUND, read_set
from auricle_train.distillation.targets import Targets
from auricle_train.losses.objective import Objective
from auricle_train.training.config import Plan
from auricle_train.training.precision import computing
from auricle_train.training.run import Origin

STEPS = 4
SET = "kathleen"


def seconds_of_steps(objective: Objective, batches: Sequence[Batch]) -> float:
    """Return the processor time of forward and backward passes, without the optimiser."""
    begin = time.process_time()
    for batch in batches:
        with computing(torch.device("cpu")):
            sums, counts = objective(batch, warm=False)
        (objective.weights(warm=False) * sums / counts.clamp(min=1)).sum().backward()
        objective.zero_grad()
    return time.process_time() - begin


def seconds_of_reading(targets: Targets, frames: int) -> float:
    """Return the processor time of reading at least `frames` frames."""
    begin, done = time.process_time(), 0
    for clip in cycle(targets):
        done += len(np.array(targets[clip], np.float32))
        if done >= frames:
            break
    return time.process_time() - begin


def main() -> None:
    """Print the measurements."""
    parser = argparse.ArgumentParser(description=__doc__)
    for name in ("data", "whisper", "vocabulary", "pieces", "targets"):
        parser.add_argument(f"--{name}", type=Path, required=True)
    arguments = parser.parse_args()
    torch.set_num_threads(1)
    torch.manual_seed(0)
    plan = Plan(warm_steps=0)
    origin = Origin(arguments.whisper, arguments.vocabulary, arguments.pieces)
    objective = origin.build(plan)
    clips = list(read_set(arguments.data, SET, "train"))
    backgrounds = [clip for name in BACKGROUND for clip in read_set(arguments.data, name, "train")]
    stream = Batches(clips, clips, backgrounds, origin.tokenizers, plan.batch_seconds, plan.seed)
    taught = list(islice(stream, STEPS))
    alone = [replace(batch, clean=None) for batch in taught]
    seconds_of_steps(objective, alone[:1])  # warm-up: allocates memory
    step = seconds_of_steps(objective, alone) / STEPS
    online = seconds_of_steps(objective, taught) / STEPS - step
    frames = sum(int(batch.frames.sum()) * 2 for batch in taught)
    reading = seconds_of_reading(Targets(arguments.targets), frames) / STEPS
    share = plan.distance_share
    print(f"step without teacher: {step:.3f} s, {frames / STEPS:.0f} frames")
    print(f"teacher online: {online:.3f} s, {online / step:.1%} of a step; "
          f"{share * online / step:.1%} if used in {share:.0%} of the steps")  # fmt: skip
    print(f"teacher frames from disk: {reading:.4f} s, {reading / step:.2%} of a step")


if __name__ == "__main__":
    main()
