"""Add a trained context attention (for names) to a bundle."""

from __future__ import annotations

import argparse
from pathlib import Path

from auricle_train.context_attention.add_to_bundle import attach


def configure(parser: argparse.ArgumentParser) -> None:
    """Add the arguments of this step."""
    parser.add_argument("--bundle", type=Path, required=True, help="bundle folder")
    parser.add_argument("--checkpoint", type=Path, required=True, help="written by the training")
    parser.add_argument(
        "--source", nargs="*", default=[], help="more training data and licences, for the manifest"
    )


def run(arguments: argparse.Namespace) -> None:
    """Add both graphs to the bundle folder."""
    attach(arguments.bundle, arguments.checkpoint, arguments.source)
