"""Train both passes, or resume."""

from __future__ import annotations

import argparse
from pathlib import Path

from auricle_train.train import Plan, train


def configure(parser: argparse.ArgumentParser) -> None:
    """Add the arguments of the step."""
    parser.add_argument("--data", type=Path, required=True, help="folder of sets, see `corpus.py`")
    parser.add_argument("--whisper", type=Path, required=True, help="CTranslate2's model.bin")
    parser.add_argument("--vocabulary", type=Path, required=True, help="of the first pass")
    parser.add_argument("--pieces", type=Path, required=True, help="of the second pass")
    parser.add_argument("--start", type=Path, help="weights of an earlier run, to go on from")
    parser.add_argument("--minutes", type=float, default=90.0)
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--out", type=Path, required=True, help="folder of checkpoint and log")


def run(arguments: argparse.Namespace) -> None:
    """Train until the minutes are spent."""
    train(
        arguments.data,
        arguments.whisper,
        arguments.vocabulary,
        arguments.pieces,
        arguments.out,
        Plan(minutes=arguments.minutes),
        arguments.threads,
        arguments.start,
    )
