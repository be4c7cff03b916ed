"""Put language models and their weights into a bundle."""

from __future__ import annotations

import argparse
from pathlib import Path

from auricle_train.lm.add_to_bundle import fuse
from auricle_train.steps.tune_lm import weights


def configure(parser: argparse.ArgumentParser) -> None:
    """Add the arguments of the step."""
    parser.add_argument("--bundle", type=Path, required=True, help="folder of a bundle")
    parser.add_argument("--language", type=Path, help="ngram.bin; without, the one that is there")
    parser.add_argument("--words", type=Path, help="words.bin; without, the one that is there")
    parser.add_argument(
        "--weights", type=weights, required=True, metavar="NAME=VALUE,...",
        help="of `fusion.Weights`, or LANGUAGE,INTERNAL,REWARD",
    )  # fmt: skip
    parser.add_argument(
        "--source", nargs="*", default=[], help="more that models were made of, with its licence"
    )


def run(arguments: argparse.Namespace) -> None:
    """Change the bundle's folder."""
    fuse(
        arguments.bundle,
        arguments.language,
        arguments.weights,
        arguments.source,
        arguments.words,
    )
