"""`auricle run`: runs the daemon in the foreground."""

from __future__ import annotations

import argparse
from pathlib import Path

from auricle.cli.bus_option import add_bus_option
from auricle.config.locations import find_config
from auricle.errors import ArgumentError
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
        help="use a recording instead of the microphone: it plays when a client listens, "
        "subscribes or monitors, and again after muting and unmuting; otherwise there is silence",
    )
    parser.add_argument(
        "--loop",
        action="store_true",
        help="with --audio: repeat the recording with pauses, without waiting for a client",
    )


def run(arguments: argparse.Namespace) -> int:
    """Run the daemon; return 0 after a signal has stopped it."""
    config = arguments.config or find_config()
    if arguments.loop and arguments.audio is None:
        raise ArgumentError("--loop: there is no recording to repeat; name one with --audio FILE")
    run_daemon(RunOptions(config, arguments.bus, arguments.audio, arguments.loop))
    return 0
