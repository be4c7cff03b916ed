"""`auricle run`: runs the daemon in the foreground."""

from __future__ import annotations

import argparse
from pathlib import Path

from auricle.cli.bus_option import add_bus_option
from auricle.config.locations import find_config
from auricle.service.assembly import RunOptions
from auricle.service.service import run as run_daemon


def configure(parser: argparse.ArgumentParser) -> None:
    """Add the arguments of the command."""
    parser.description = (
        "Run the daemon in the foreground until SIGTERM or Ctrl-C. "
        "SIGHUP reloads the configuration."
    )
    parser.add_argument(
        "--config",
        metavar="FILE",
        type=Path,
        help="the main configuration file (default: the same as of `auricle config check`)",
    )
    add_bus_option(parser)
    parser.add_argument(
        "--audio",
        metavar="FILE",
        type=Path,
        help="play a recording in real time instead of the microphone; the daemon keeps running "
        "at its end, and muting and unmuting starts it again",
    )


def run(arguments: argparse.Namespace) -> int:
    """Run the daemon; return 0 after a signal has stopped it."""
    config = arguments.config or find_config()
    run_daemon(RunOptions(config, arguments.bus, arguments.audio))
    return 0
