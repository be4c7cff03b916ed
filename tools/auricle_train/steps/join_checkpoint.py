"""Join the checkpoint parts that a packed GPU job wrote into one file."""

from __future__ import annotations

import argparse
from pathlib import Path

from auricle_train.packed import parts
from auricle_train.steps.train_live import CHECKPOINT


def configure(parser: argparse.ArgumentParser) -> None:
    """Add the arguments of this step."""
    parser.add_argument("--parts", type=Path, required=True, help="OUT folder of the job's run.sh")
    parser.add_argument("--out", type=Path, required=True, help="checkpoint to write")


def run(arguments: argparse.Namespace) -> None:
    """Check the parts and write the file."""
    parts.join(arguments.parts, CHECKPOINT, arguments.out)
