"""`auricle relay`: sends lattices of the daemon to the reranker."""

from __future__ import annotations

import argparse
import importlib
import sys
from pathlib import Path

from auricle.config.loading import load
from auricle.config.locations import find_config, relay_socket
from auricle.errors import RelayError
from auricle.wire.sockets import users_of

DAEMON_ACCOUNT = "auricle"


def configure(parser: argparse.ArgumentParser) -> None:
    """Add the arguments of the command."""
    parser.description = (
        "Send lattices from the daemon's socket to the configured reranker and return its answers. "
        "systemd starts the relay while the privacy mode is lattice; the daemon ends it."
    )
    parser.add_argument(
        "--config",
        metavar="FILE",
        type=Path,
        help="the main configuration file (default: the same as of `auricle config check`)",
    )


def run(arguments: argparse.Namespace) -> int:
    """Relay until the daemon closes the connection; return 0."""
    settings = load(arguments.config or find_config()).privacy.reranker
    if settings is None:
        raise RelayError(
            "privacy.reranker: null: there is no reranker; set one, or use the mode local"
        )
    try:
        process = importlib.import_module("auricle.relay.process")
    except ModuleNotFoundError as error:
        raise RelayError(
            f"the relay needs {error.name}, which is not installed: pip install 'auricle[relay]'"
        ) from error
    process.run(settings, relay_socket(), users_of(DAEMON_ACCOUNT), tell)
    return 0


def tell(sentence: str) -> None:
    """Write a sentence to standard error, which systemd forwards to the journal."""
    sys.stderr.write(f"auricle relay: {sentence}\n")
    sys.stderr.flush()
