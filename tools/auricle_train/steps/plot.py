"""Draw the losses of one run or several against the hours heard."""

from __future__ import annotations

import argparse
from pathlib import Path

from auricle_train.training.plot import plot


def configure(parser: argparse.ArgumentParser) -> None:
    """Add the arguments of the step."""
    parser.add_argument("--log", type=Path, nargs="+", required=True, help="log.jsonl of runs")
    parser.add_argument("--span", type=int, default=200, help="steps that a point is the mean of")
    parser.add_argument("--out", type=Path, required=True, help=".png, .svg or .pdf")


def run(arguments: argparse.Namespace) -> None:
    """Write the picture."""
    plot(arguments.log, arguments.out, arguments.span)
