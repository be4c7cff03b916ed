"""`auricle run`: the daemon in the foreground."""

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
        "Hear, and answer on D-Bus, until SIGTERM or Ctrl-C. SIGHUP reads the configuration again."
    )
    parser.add_argument(
        "--config",
        metavar="FILE",
        type=Path,
        help="the main configuration file (default: the one `auricle config check` checks)",
    )
    add_bus_option(parser)
    parser.add_argument(
        "--audio",
        metavar="FILE",
        type=Path,
        help="play a recording in real time in place of the microphone; muting and unmuting plays "
        "it again, and at its end the daemon stays",
    )


def run(arguments: argparse.Namespace) -> int:
    """Run the daemon; return 0 when a signal has stopped it."""
    config = arguments.config or find_config()
    run_daemon(RunOptions(config, arguments.bus, arguments.audio))
    return 0
