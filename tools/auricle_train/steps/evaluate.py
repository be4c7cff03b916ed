"""Measure word error rate and latency on real recordings."""

from __future__ import annotations

import argparse
from pathlib import Path

from auricle_train.evaluate import evaluate


def configure(parser: argparse.ArgumentParser) -> None:
    """Add the arguments of the step."""
    parser.add_argument("--data", type=Path, required=True, help="folder of sets, see `corpus.py`")
    parser.add_argument("--bundle", default="en-tiny", help="name or absolute path")
    parser.add_argument("--limit", type=int, default=0, help="recordings of each set; 0: all")


def run(arguments: argparse.Namespace) -> None:
    """Print the table."""
    evaluate(arguments.data, arguments.bundle, arguments.limit)
