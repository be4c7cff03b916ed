"""Reduce a top checkpoint to its averaged weights in float16."""

from __future__ import annotations

import argparse
from pathlib import Path

from auricle_train.top.training import load_top
from auricle_train.training import checkpoint


def configure(parser: argparse.ArgumentParser) -> None:
    """Add the arguments of this step."""
    parser.add_argument("--checkpoint", type=Path, required=True, help="written by `train-top`")
    parser.add_argument("--out", type=Path, required=True, help="small checkpoint")


def run(arguments: argparse.Namespace) -> None:
    """Write a file that `bundle`, `evaluate-top` and `train-top --start` accept."""
    top, saved = load_top(arguments.checkpoint)
    kept = {name: saved[name] for name in ("shape", "digest", "plan", "step", "heard")}
    kept["heard_before"] = saved.get("heard_before", 0.0)
    average = {name: value.half() for name, value in top.state_dict().items()}
    checkpoint.write(arguments.out, kept | {"average": average})
