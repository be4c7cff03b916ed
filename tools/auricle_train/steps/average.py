"""Interpolate the encoder or the second pass of a checkpoint with Whisper's weights."""

from __future__ import annotations

import argparse
from pathlib import Path

from auricle_train.training import checkpoint
from auricle_train.training.interpolate import drawn_back, with_second_encoder


def configure(parser: argparse.ArgumentParser) -> None:
    """Add the arguments of this step."""
    parser.add_argument("--checkpoint", type=Path, required=True)
    parser.add_argument("--whisper", type=Path, required=True, help="CTranslate2 model.bin")
    parser.add_argument("--share", type=float, default=0.5, help="weight of the checkpoint, 0 to 1")
    parser.add_argument(
        "--second-pass", type=float, nargs=2, metavar=("ENCODER", "DECODER"),
        help="instead, give the second pass its own encoder; weights of the checkpoint in both",
    )  # fmt: skip
    parser.add_argument("--out", type=Path, required=True, help="checkpoint for `train --start`")


def run(arguments: argparse.Namespace) -> None:
    """Write the new checkpoint, without optimizer state."""
    saved = checkpoint.read(arguments.checkpoint)
    if arguments.second_pass is None:
        made = drawn_back(saved, arguments.whisper, arguments.share)
    else:
        made = with_second_encoder(saved, arguments.whisper, *arguments.second_pass)
    checkpoint.write(arguments.out, made)
