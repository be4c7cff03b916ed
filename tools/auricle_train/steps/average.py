"""Draw the encoder of a checkpoint back towards Whisper's."""

from __future__ import annotations

import argparse
from pathlib import Path

from auricle_train import checkpoint
from auricle_train.average import drawn_back


def configure(parser: argparse.ArgumentParser) -> None:
    """Add the arguments of the step."""
    parser.add_argument("--checkpoint", type=Path, required=True)
    parser.add_argument("--whisper", type=Path, required=True, help="CTranslate2's model.bin")
    parser.add_argument("--share", type=float, default=0.5, help="that the checkpoint keeps")
    parser.add_argument("--out", type=Path, required=True, help="checkpoint, to go on from")


def run(arguments: argparse.Namespace) -> None:
    """Write the checkpoint without the state of its optimiser."""
    saved = checkpoint.read(arguments.checkpoint)
    checkpoint.write(arguments.out, drawn_back(saved, arguments.whisper, arguments.share))
