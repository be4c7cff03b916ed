"""Put a language model and its weights into a bundle."""

from __future__ import annotations

import argparse
from pathlib import Path

from auricle_train.fuse import fuse
from auricle_train.steps.weights import weights


def configure(parser: argparse.ArgumentParser) -> None:
    """Add the arguments of the step."""
    parser.add_argument("--bundle", type=Path, required=True, help="folder of a bundle")
    parser.add_argument("--language", type=Path, required=True, help="ngram.bin")
    parser.add_argument(
        "--weights", type=weights, required=True, metavar="LANGUAGE,INTERNAL,REWARD"
    )
    parser.add_argument(
        "--source", nargs="*", default=[], help="more that the model was made of, with its licence"
    )


def run(arguments: argparse.Namespace) -> None:
    """Change the bundle's folder."""
    fuse(arguments.bundle, arguments.language, arguments.weights, arguments.source)
