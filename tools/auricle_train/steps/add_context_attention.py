"""Put attention to names into a bundle."""

from __future__ import annotations

import argparse
from pathlib import Path

from auricle_train.context_attention.add_to_bundle import attach


def configure(parser: argparse.ArgumentParser) -> None:
    """Add the arguments of the step."""
    parser.add_argument("--bundle", type=Path, required=True, help="folder of a bundle")
    parser.add_argument("--checkpoint", type=Path, required=True, help="of `attend`")
    parser.add_argument(
        "--source", nargs="*", default=[], help="what it was trained on besides, with its licence"
    )


def run(arguments: argparse.Namespace) -> None:
    """Change the bundle's folder."""
    attach(arguments.bundle, arguments.checkpoint, arguments.source)
