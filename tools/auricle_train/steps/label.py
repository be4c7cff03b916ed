"""Transcribe clips with teacher models, for pseudo-labels and to check transcripts."""

from __future__ import annotations

import argparse
from functools import partial
from pathlib import Path

from auricle_train.distillation import sources
from auricle_train.distillation.labelling import label
from auricle_train.distillation.loading import load_teachers
from auricle_train.distillation.whisper_teacher import WhisperOptions


def configure(parser: argparse.ArgumentParser) -> None:
    """Add the arguments of this step."""
    sources.configure(parser)
    default = WhisperOptions()
    parser.add_argument("--model", type=Path, nargs="+", required=True, metavar="FOLDER",
                        help="teachers, fastest first: Whisper models in CTranslate2 format or "
                        "Auricle bundles")  # fmt: skip
    parser.add_argument("--doubt", type=float, default=0.0, metavar="RATE",
                        help="skip the other teachers if the first teacher's word error rate "
                        "against the transcript is lower; 0.75 saves most of the time")  # fmt: skip
    parser.add_argument("--beam", type=int, choices=range(1, 6), default=default.beam)
    parser.add_argument("--silence", type=float, default=default.silence, metavar="SECONDS",
                        help="silence after each clip; 30 fills Whisper's window")  # fmt: skip
    parser.add_argument("--threads", type=int, default=default.threads, help="per worker")
    parser.add_argument("--workers", type=int, default=1, help="processes; more than 1 need Ray")
    parser.add_argument("--out", type=Path, required=True, help="labels.jsonl; resumes from it")


def run(arguments: argparse.Namespace) -> None:
    """Label the clips that --out does not hold yet."""
    options = WhisperOptions(arguments.beam, arguments.silence, arguments.threads)
    teachers = partial(load_teachers, arguments.model, options)
    label(
        sources.clips(arguments),
        teachers,
        arguments.out,
        doubt=arguments.doubt,
        workers=arguments.workers,
    )
