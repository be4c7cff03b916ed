"""Put the parts of a checkpoint that a packed job wrote together again."""

from __future__ import annotations

import argparse
from pathlib import Path

from auricle_train.packed import parts
from auricle_train.steps.train_live import CHECKPOINT


def configure(parser: argparse.ArgumentParser) -> None:
    """Add the arguments of the step."""
    parser.add_argument("--parts", type=Path, required=True, help="folder that OUT of `run.sh` was")
    parser.add_argument("--out", type=Path, required=True, help="checkpoint to write")


def run(arguments: argparse.Namespace) -> None:
    """Check the parts and write the file."""
    parts.join(arguments.parts, CHECKPOINT, arguments.out)
