"""Add language models and their weights to a bundle."""

from __future__ import annotations

import argparse
from pathlib import Path

from auricle_train.lm.add_to_bundle import fuse
from auricle_train.steps.tune_lm import weights


def configure(parser: argparse.ArgumentParser) -> None:
    """Add the arguments of this step."""
    parser.add_argument("--bundle", type=Path, required=True, help="bundle folder")
    parser.add_argument("--language", type=Path, help="ngram.bin; default: keep the bundle's")
    parser.add_argument("--words", type=Path, help="words.bin; default: keep the bundle's")
    parser.add_argument(
        "--weights", type=weights, required=True, metavar="NAME=VALUE,...",
        help="fields of `shallow_fusion.Weights`, or LANGUAGE,INTERNAL,REWARD",
    )  # fmt: skip
    parser.add_argument(
        "--source", nargs="*", default=[], help="more training texts and licences, for the manifest"
    )


def run(arguments: argparse.Namespace) -> None:
    """Add the models to the bundle folder."""
    fuse(
        arguments.bundle,
        arguments.language,
        arguments.weights,
        arguments.source,
        arguments.words,
    )
