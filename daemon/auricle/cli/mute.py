"""`auricle mute`: mutes the microphone."""

from __future__ import annotations

import argparse
import json
import sys

from auricle.cli.bus_option import add_bus_option, call


def configure(parser: argparse.ArgumentParser) -> None:
    """Add the arguments of the command."""
    parser.description = (
        "Mute the microphone: the daemon hears nothing, and a running session ends. The microphone "
        "stays muted until `auricle unmute` or a restart of the daemon."
    )
    add_options(parser)


def add_options(parser: argparse.ArgumentParser) -> None:
    """Add the options of `mute` and `unmute`."""
    parser.add_argument("--json", action="store_true", help="print one JSON object")
    add_bus_option(parser)


def run(arguments: argparse.Namespace) -> int:
    """Mute the microphone; return 0."""
    return set_muted(arguments, muted=True)


def set_muted(arguments: argparse.Namespace, *, muted: bool) -> int:
    """Mute or unmute the microphone and say so; return 0."""
    call(arguments, lambda client: client.set_muted(muted))
    told = json.dumps({"muted": muted}) if arguments.json else "muted" if muted else "unmuted"
    sys.stdout.write(f"{told}\n")
    return 0
