"""Move a checkpoint back towards Whisper: the encoder, or the second pass."""

from __future__ import annotations

import argparse
from pathlib import Path

from auricle_train.training import checkpoint
from auricle_train.training.interpolate import drawn_back, with_second_encoder


def configure(parser: argparse.ArgumentParser) -> None:
    """Add the arguments of the step."""
    parser.add_argument("--checkpoint", type=Path, required=True)
    parser.add_argument("--whisper", type=Path, required=True, help="CTranslate2's model.bin")
    parser.add_argument("--share", type=float, default=0.5, help="that the encoder keeps")
    parser.add_argument(
        "--second-pass", type=float, nargs=2, metavar=("ENCODER", "DECODER"),
        help="instead, give the second pass an encoder of its own; shares that both keep",
    )  # fmt: skip
    parser.add_argument("--out", type=Path, required=True, help="checkpoint, to go on from")


def run(arguments: argparse.Namespace) -> None:
    """Write the checkpoint without the state of its optimiser."""
    saved = checkpoint.read(arguments.checkpoint)
    if arguments.second_pass is None:
        made = drawn_back(saved, arguments.whisper, arguments.share)
    else:
        made = with_second_encoder(saved, arguments.whisper, *arguments.second_pass)
    checkpoint.write(arguments.out, made)
