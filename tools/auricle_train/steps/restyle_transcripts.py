"""Rewrite transcripts in Whisper's style, with capitals and punctuation but the same words."""

from __future__ import annotations

import argparse
import os
from pathlib import Path

import torch
from rich.progress import Progress

from auricle_train.distillation import sources
from auricle_train.distillation.scribe import Scribe


def configure(parser: argparse.ArgumentParser) -> None:
    """Add the arguments of this step."""
    sources.configure(parser)
    parser.add_argument("--whisper", type=Path, required=True, help="CTranslate2 model.bin")
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--out", type=Path, required=True, help="table, id<TAB>text per line")


def run(arguments: argparse.Namespace) -> None:
    """Write the table atomically."""
    torch.set_num_threads(arguments.threads)
    scribe = Scribe(arguments.whisper)
    clips = [clip for _, clip in sources.clips(arguments) if clip.text]
    partial = arguments.out.with_suffix(".partial")
    with Progress() as progress, partial.open("w", encoding="utf-8") as out:
        task = progress.add_task("transcripts", total=len(clips))
        for clip, text in scribe.write(clips):
            out.write(f"{clip.name}\t{text}\n")
            progress.advance(task)
    os.replace(partial, arguments.out)
