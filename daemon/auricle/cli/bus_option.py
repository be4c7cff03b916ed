"""The option `--bus`, and the bus that is meant when it is not given."""

from __future__ import annotations

import argparse

from auricle.config.loading import load
from auricle.config.locations import find_config


def add_bus_option(parser: argparse.ArgumentParser) -> None:
    """Add `--bus`."""
    parser.add_argument(
        "--bus",
        metavar="session|system|ADDRESS",
        type=bus,
        help="the bus, or a D-Bus address (default: what the configuration says)",
    )


def bus(text: str) -> str:
    """Return what names a bus; raises ArgumentTypeError if it cannot name one."""
    if text not in ("session", "system") and ":" not in text:
        raise argparse.ArgumentTypeError(
            f"{text!r} is no bus; give session, system, or an address such as unix:path=/run/bus"
        )
    return text


def chosen_bus(arguments: argparse.Namespace) -> str:
    """Return the bus of the command line, or of the configuration; raises ConfigError."""
    given: str | None = arguments.bus
    return given or load(find_config()).bus.kind
