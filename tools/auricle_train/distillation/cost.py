"""What a teacher costs a training step: online, against reading its frames from disk.

    python -m auricle_train.distillation.cost --data DATA --whisper model.bin \
        --vocabulary tokens.txt --pieces pieces.txt --targets FOLDER

In: the sets that the batches are made of, and a folder of targets. Out: processor seconds of one
thread, which do not depend on what else the machine does as wall time would: of a step without
teacher, of what the teacher adds, and of reading as many frames as it gives.
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
    """Return the processor time of copying at least as many frames, as for a batch."""
    begin, done = time.process_time(), 0
    for clip in cycle(targets):
        done += len(np.array(targets[clip], np.float32))
        if done >= frames:
            break
    return time.process_time() - begin


def main() -> None:
    """Measure and print."""
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
    seconds_of_steps(objective, alone[:1])  # the first one allocates
    step = seconds_of_steps(objective, alone) / STEPS
    online = seconds_of_steps(objective, taught) / STEPS - step
    frames = sum(int(batch.frames.sum()) * 2 for batch in taught)
    reading = seconds_of_reading(Targets(arguments.targets), frames) / STEPS
    share = plan.distance_share
    print(f"a step without teacher: {step:.3f} s, {frames / STEPS:.0f} frames")
    print(f"the teacher online: {online:.3f} s, {online / step:.1%} of that; "
          f"at {share:.0%} of the steps {share * online / step:.1%}")  # fmt: skip
    print(f"its frames from disk: {reading:.4f} s, {reading / step:.2%}")


if __name__ == "__main__":
    main()
