"""Write reference outputs of PyTorch, for the tests of the shipped graphs."""

from __future__ import annotations

import argparse
from pathlib import Path

from auricle_train.export.golden import write_reference


def configure(parser: argparse.ArgumentParser) -> None:
    """Add the arguments of this step."""
    parser.add_argument("--checkpoint", type=Path, required=True, help="written by `train`")
    parser.add_argument("--top", type=Path, required=True, help="checkpoint written by `train-top`")
    parser.add_argument("--bundle", type=Path, required=True, help="bundle made from both")
    parser.add_argument("--recording", type=Path, required=True)
    parser.add_argument("--out", type=Path, required=True)


def run(arguments: argparse.Namespace) -> None:
    """Write the reference outputs for one recording."""
    write_reference(
        arguments.checkpoint,
        arguments.top,
        arguments.bundle,
        arguments.recording,
        arguments.out,
    )
