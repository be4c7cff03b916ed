"""Cache the encoder output of a teacher for clean clips."""

from __future__ import annotations

import argparse
from pathlib import Path

import torch
from rich.progress import Progress

from auricle_train.distillation import sources
from auricle_train.distillation.targets import plan, prepare, write_targets
from auricle_train.distillation.teacher_encoder import load_teacher_encoder
from auricle_train.models.dimensions import STRIDE


def configure(parser: argparse.ArgumentParser) -> None:
    """Add the arguments of this step."""
    sources.configure(parser)
    parser.add_argument("--whisper", type=Path, required=True, help="CTranslate2 model.bin")
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--out", type=Path, required=True, help="folder; resumes if it exists")


def run(arguments: argparse.Namespace) -> None:
    """Print the final size, then write the missing frames."""
    torch.set_num_threads(arguments.threads)
    encoder = load_teacher_encoder(arguments.whisper)
    index = plan((clip for _, clip in sources.clips(arguments)), encoder)
    frames = sum(count for _, _, count in index.places.values())
    hours = frames * STRIDE / 100 / 3600
    print(f"{len(index.places)} clips, {hours:.2f} h: {index.size / 1e9:.3f} GB", flush=True)
    prepare(index, arguments.out)
    clips = (clip for _, clip in sources.clips(arguments))
    with Progress() as progress:
        task = progress.add_task("frames", total=frames)
        for count in write_targets(clips, encoder, index, arguments.out):
            progress.advance(task, count)
