"""Have teachers transcribe clips, with confidence: pseudo-labels, and a check of transcripts."""

from __future__ import annotations

import argparse
from functools import partial
from pathlib import Path

from auricle_train.distillation import sources
from auricle_train.distillation.labelling import label
from auricle_train.distillation.loading import load_teachers
from auricle_train.distillation.whisper_teacher import WhisperOptions


def configure(parser: argparse.ArgumentParser) -> None:
    """Add the arguments of the step."""
    sources.configure(parser)
    default = WhisperOptions()
    parser.add_argument("--model", type=Path, nargs="+", required=True, metavar="FOLDER",
                        help="Whisper in CTranslate2's format, or a bundle of Auricle; the "
                        "cheapest first")  # fmt: skip
    parser.add_argument("--doubt", type=float, default=0.0, metavar="RATE",
                        help="word errors of the first model against a transcript below which the "
                        "others are not asked: 0.75 saves most of their time")  # fmt: skip
    parser.add_argument("--beam", type=int, choices=range(1, 6), default=default.beam)
    parser.add_argument("--silence", type=float, default=default.silence, metavar="SECONDS",
                        help="after each clip; 30 fills Whisper's window")  # fmt: skip
    parser.add_argument("--threads", type=int, default=default.threads, help="of each worker")
    parser.add_argument("--workers", type=int, default=1, help="processes, with Ray if several")
    parser.add_argument("--out", type=Path, required=True, help="labels.jsonl; goes on from it")


def run(arguments: argparse.Namespace) -> None:
    """Label what is not labelled yet."""
    options = WhisperOptions(arguments.beam, arguments.silence, arguments.threads)
    teachers = partial(load_teachers, arguments.model, options)
    label(
        sources.clips(arguments),
        teachers,
        arguments.out,
        doubt=arguments.doubt,
        workers=arguments.workers,
    )
