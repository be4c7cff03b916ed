"""Export a checkpoint for the daemon."""

from __future__ import annotations

import argparse
from pathlib import Path

from auricle_train.export.bundle import write_bundle


def configure(parser: argparse.ArgumentParser) -> None:
    """Add the arguments of the step."""
    parser.add_argument("--checkpoint", type=Path, required=True, help="of `train`")
    parser.add_argument("--top", type=Path, required=True, help="checkpoint of `train-top`")
    parser.add_argument("--vocabulary", type=Path, required=True)
    parser.add_argument("--pieces", type=Path, help="vocabulary of the second pass; none: without")
    parser.add_argument("--name", default="en-tiny")
    parser.add_argument("--version", default="0.1.0")
    parser.add_argument("--results", type=Path, help="YAML of what was measured, for the manifest")
    parser.add_argument(
        "--float", action="store_true", help="leave weights in float32, to compare with"
    )
    parser.add_argument("--out", type=Path, required=True)


def run(arguments: argparse.Namespace) -> None:
    """Write the bundle's folder."""
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
