"""Plot the losses of one or more runs against hours of audio."""

from __future__ import annotations

import argparse
from pathlib import Path

from auricle_train.training.plot import plot


def configure(parser: argparse.ArgumentParser) -> None:
    """Add the arguments of this step."""
    parser.add_argument("--log", type=Path, nargs="+", required=True, help="log.jsonl of each run")
    parser.add_argument("--span", type=int, default=200, help="steps averaged per point")
    parser.add_argument("--out", type=Path, required=True, help=".png, .svg or .pdf")


def run(arguments: argparse.Namespace) -> None:
    """Write the plot."""
    plot(arguments.log, arguments.out, arguments.span)
