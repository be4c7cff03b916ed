"""`auricle unmute`: lets the daemon hear again."""

from __future__ import annotations

import argparse

from auricle.cli.mute import add_options, set_muted


def configure(parser: argparse.ArgumentParser) -> None:
    """Add the arguments of the command."""
    parser.description = "Unmute the microphone."
    add_options(parser)


def run(arguments: argparse.Namespace) -> int:
    """Unmute the microphone; return 0."""
    return set_muted(arguments, muted=False)
