"""Replace the second pass of a bundle."""

from __future__ import annotations

import argparse
from pathlib import Path

from auricle_train.export.second_pass import replace_second_pass


def configure(parser: argparse.ArgumentParser) -> None:
    """Add the arguments of the step."""
    parser.add_argument("--bundle", type=Path, required=True, help="folder of a bundle")
    parser.add_argument(
        "--checkpoint", type=Path, required=True, help="of `train`, or of `average --second-pass`"
    )


def run(arguments: argparse.Namespace) -> None:
    """Change the bundle's folder."""
    replace_second_pass(arguments.bundle, arguments.checkpoint)
