"""Replace the second pass of a bundle."""

from __future__ import annotations

import argparse
from pathlib import Path

from auricle_train.export.second_pass import replace_second_pass


def configure(parser: argparse.ArgumentParser) -> None:
    """Add the arguments of this step."""
    parser.add_argument("--bundle", type=Path, required=True, help="bundle folder")
    parser.add_argument(
        "--checkpoint", type=Path, required=True, help="of `train` or `average --second-pass`"
    )


def run(arguments: argparse.Namespace) -> None:
    """Replace the second pass in the bundle folder."""
    replace_second_pass(arguments.bundle, arguments.checkpoint)
