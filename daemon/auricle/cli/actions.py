"""`auricle actions`: runs the owner's programs with each result."""

from __future__ import annotations

import argparse
from pathlib import Path

from auricle.actions.process import Actions
from auricle.cli.bus_option import add_bus_option, own_bus
from auricle.cli.serving import journal_of, serve
from auricle.config.loading import load
from auricle.config.locations import find_config

FOLDER = "actions.d"  # beside the configuration
DESCRIPTION = """\
Run every program in the folder actions.d beside the configuration with each command that follows a
wake word. A program gets the result on its standard input: one JSON object with the keys session,
text, written, nbest, words, names, reason and time, as `auricle listen --json` prints. Programs run
one after the other in the order of their names. Their output is discarded; their exit status goes
to the journal. The command runs only with `actions: {enabled: true}` in the configuration. systemd
runs it in a sandbox without network: `systemctl enable --now auricle-actions`.
"""


def configure(parser: argparse.ArgumentParser) -> None:
    """Add the arguments of the command."""
    parser.description = DESCRIPTION
    parser.add_argument(
        "--config",
        metavar="FILE",
        type=Path,
        help="the main configuration file (default: the same as of `auricle config check`)",
    )
    add_bus_option(parser)


def run(arguments: argparse.Namespace) -> int:
    """Run the programs until a signal; return 0.

    Raises:
        AuricleError: the daemon has stopped or refuses this user.
    """
    path = arguments.config or find_config()
    config, tell = load(path), journal_of("actions")
    if not config.actions.enabled:
        tell("actions.enabled is false in the configuration, so no program is run")
        return 0
    bus = arguments.bus or own_bus(path) or config.bus.kind
    actions = Actions(path.parent / FOLDER, config.actions.timeout_seconds, tell)
    serve(actions.serve(bus))
    return 0
