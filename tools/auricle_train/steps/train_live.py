"""Train the top inside a packed GPU job on freshly augmented audio, or resume."""

from __future__ import annotations

import argparse
import os
import signal
import sys
import time
from pathlib import Path

import numpy as np
import torch

from auricle.features import SAMPLE_RATE, LogMel
from auricle.tokenizer import Tokenizer
from auricle_train.data.encoder_cache import CachedUtterance, FrozenEncoder, Sound
from auricle_train.models.top import TopShape
from auricle_train.packed import parts
from auricle_train.packed.job import ENCODER, TOP, audio_of, checked, rooms_of
from auricle_train.packed.live import LiveSounds, live_batches
from auricle_train.packed.shards import decoded, read_rows
from auricle_train.top.data import Example, examples_of
from auricle_train.top.plan import LivePlan, add_plan, plan_of
from auricle_train.top.training import TopTrainer
from auricle_train.training import checkpoint
from auricle_train.training.distributed import Group

CHECKPOINT = "checkpoint.pt"
TRAIL = 0.3  # seconds of silence after a dev clip
AT_ONCE = 16  # dev clips per encoder batch


def configure(parser: argparse.ArgumentParser) -> None:
    """Add the arguments of this step."""
    parser.add_argument("--job", type=Path, required=True, help="folder written by `pack-gpu-job`")
    parser.add_argument("--store", type=Path, required=True, help="folder for decoded samples")
    parser.add_argument("--out", type=Path, required=True,
                        help="folder for checkpoint parts and log")  # fmt: skip
    parser.add_argument("--minutes", type=float, default=10.0, help="counted from the start")
    cores = len(os.sched_getaffinity(0))
    parser.add_argument("--workers", type=int, default=max(0, cores - 1),
                        help="augmentation processes; 0: augment in the main one")  # fmt: skip
    parser.add_argument("--device", help="default: cuda if available, else cpu")
    add_plan(parser, LivePlan)


def run(arguments: argparse.Namespace) -> None:
    """Train for the given minutes; leave the checkpoint in parts."""
    began = time.monotonic()
    torch.set_num_threads(1 if torch.cuda.is_available() else len(os.sched_getaffinity(0)))
    job, out, plan = arguments.job, arguments.out, plan_of(arguments, LivePlan)
    checked(job)
    sounds = _sounds(job, arguments.store, arguments.workers)
    device = torch.device(arguments.device or ("cuda" if torch.cuda.is_available() else "cpu"))
    start, recogniser = arguments.store / TOP, arguments.store / ENCODER
    parts.join(job, TOP, start)
    parts.join(job, ENCODER, recogniser)
    out.mkdir(parents=True, exist_ok=True)
    if parts.index_of(out, CHECKPOINT).exists():
        parts.join(out, CHECKPOINT, out / CHECKPOINT)
    saved = checkpoint.read(start)
    shape = TopShape.of(saved["shape"])
    encoder = FrozenEncoder(checkpoint.load_model(recogniser), shape.streams, device)
    tokenizer = Tokenizer.load(job / "tokens.txt")
    trainer = LiveTrainer(shape, plan, encoder.digest, out, Group(device=device), start)
    batches = live_batches(sounds, tokenizer, encoder, plan.batch_seconds,
                           (plan.seed, trainer.step), arguments.workers)  # fmt: skip
    dev = _dev(job, arguments.store, encoder, tokenizer)
    print(f"ready after {time.monotonic() - began:.0f} s, on {device}", flush=True)
    ended = trainer.run_on(batches, dev, tokenizer, began + 60.0 * arguments.minutes)
    trainer.path.unlink()  # its parts stay
    print(f"ended after {time.monotonic() - began:.0f} s", flush=True)
    if ended == signal.SIGINT:
        sys.exit(130)


class LiveTrainer(TopTrainer):
    """Writes each checkpoint in parts as well, so a killed job loses minutes at most."""

    def save(self) -> None:
        """Write the checkpoint and its parts; see `TopTrainer.save`."""
        super().save()
        parts.split(self.path, self.path.parent)


def _sounds(job: Path, store: Path, workers: int) -> LiveSounds:
    began = time.monotonic()
    kinds = [decoded(audio_of(job, kind), store, workers)
             for kind in ("speech", "prefix", "background")]  # fmt: skip
    hours = sum(len(clip.samples) for clip in kinds[0]) / SAMPLE_RATE / 3600
    print(f"{len(kinds[0])} clips, {hours:.1f} h, decoded in {time.monotonic() - began:.0f} s",
          flush=True)  # fmt: skip
    return LiveSounds(*kinds, rooms_of(job))


def _dev(job: Path, store: Path, encoder: FrozenEncoder, tokenizer: Tokenizer) -> list[Example]:
    """Return the encoded dev clips; empty if the job has none."""
    tars = audio_of(job, "dev")
    sources = [row.source for tar in tars for row in read_rows(tar)]
    log_mel, trail = LogMel(), np.zeros(int(TRAIL * SAMPLE_RATE), np.float32)
    sounds = [
        Sound(log_mel.whole(np.concatenate([clip.samples.astype(np.float32) / 32768, trail])),
              clip.text, source=source)
        for clip, source in zip(decoded(tars, store, 0), sources, strict=True)
    ]  # fmt: skip
    sounds.sort(key=lambda sound: len(sound.features))
    columns = (slice(0, encoder.width),)
    utterances = []
    for first in range(0, len(sounds), AT_ONCE):
        group = sounds[first : first + AT_ONCE]
        for frames, sound in zip(encoder.encode(group), group, strict=True):
            utterances.append(CachedUtterance(frames, sound.text, 0, sound.source, columns))
    return examples_of(utterances, tokenizer) if utterances else []
