"""Export checkpoints as a model bundle that the daemon loads."""

from __future__ import annotations

import argparse
from pathlib import Path

from auricle_train.export.bundle import write_bundle


def configure(parser: argparse.ArgumentParser) -> None:
    """Add the arguments of this step."""
    parser.add_argument("--checkpoint", type=Path, required=True, help="written by `train`")
    parser.add_argument("--top", type=Path, required=True, help="checkpoint written by `train-top`")
    parser.add_argument("--vocabulary", type=Path, required=True)
    parser.add_argument("--pieces", type=Path, help="pieces.txt; without it, no second pass")
    parser.add_argument("--name", default="en-tiny")
    parser.add_argument("--version", default="0.1.0")
    parser.add_argument("--results", type=Path, help="YAML file of results, for the manifest")
    parser.add_argument(
        "--float", action="store_true", help="keep float32 weights, to measure the cost of int8"
    )
    parser.add_argument("--out", type=Path, required=True)


def run(arguments: argparse.Namespace) -> None:
    """Write the bundle folder."""
    write_bundle(
        arguments.checkpoint,
        arguments.top,
        arguments.vocabulary,
        arguments.pieces,
        arguments.name,
        arguments.version,
        arguments.out,
        arguments.results,
        quantize=not arguments.float,
    )
