"""`auricle privacy`: shows and sets what may leave the device, and prints the log of what did."""

from __future__ import annotations

import argparse
import json
import sys
from typing import Any

from auricle.cli.bus_option import add_bus_option, call
from auricle.client.client import AssistantClient
from auricle.errors import AuricleError, MalformedError
from auricle.parsing.json_text import parse_json

DESCRIPTION = """\
Show or set the privacy mode. local: nothing leaves the device. lattice: recognition hypotheses of a
command may leave it, but never audio. A change takes effect at once. Everyone with access to the
daemon may set local; only the owner (root, or the user of the daemon) may set lattice. With
privacy.lock in the configuration, only the configuration or polkit allows lattice. `log` prints the
audit log of everything that was sent, and fails if the log was modified. `erase` deletes the
log and all stored names.
"""
MODES = ("local", "lattice")
ACTIONS = (*MODES, "log", "erase")


def configure(parser: argparse.ArgumentParser) -> None:
    """Add the arguments of the command."""
    parser.description = DESCRIPTION
    parser.add_argument(
        "action",
        metavar="|".join(ACTIONS),
        choices=ACTIONS,
        nargs="?",
        help="the new mode, or the action (default: show the mode)",
    )
    parser.add_argument("--json", action="store_true", help="print JSON")
    add_bus_option(parser)


def run(arguments: argparse.Namespace) -> int:
    """Run the action; return 0.

    Raises:
        AuricleError: the audit log is damaged.
    """
    match arguments.action:
        case "log":
            return print_log(arguments)
        case "erase":
            call(arguments, lambda client: client.erase_privacy())
            sys.stdout.write("" if arguments.json else "the log and all stored names are erased\n")
        case action:
            print_mode(arguments, action)
    return 0


def print_mode(arguments: argparse.Namespace, mode: str | None) -> None:
    """Print the privacy mode, after setting `mode` if it is not None."""

    async def ask(client: AssistantClient) -> dict[str, object]:
        if mode is not None:
            await client.set_privacy(mode)
        return await client.privacy()

    told = call(arguments, ask)
    if arguments.json:
        content = {
            "mode": told["Mode"],
            "locked": told["Locked"],
            "reranker": told["Reranker"] or None,
        }
        sys.stdout.write(json.dumps(content) + "\n")
    else:
        sys.stdout.write(f"{_explained(told)}\n")


def _explained(told: dict[str, object]) -> str:
    """Return the privacy mode as a sentence."""
    if told["Mode"] == "local":
        lock = " (locked: only the configuration or polkit can change that)"
        return "local: nothing leaves this device" + (lock if told["Locked"] else "")
    where = told["Reranker"] or "nowhere: privacy.reranker is not set"
    return f"lattice: recognition hypotheses are sent to {where}"


def print_log(arguments: argparse.Namespace) -> int:
    """Print the audit log; return 0.

    Raises:
        AuricleError: the hash chain of the log is broken.
    """
    lines, fault = call(arguments, lambda client: client.privacy_record())
    for line in lines:
        sys.stdout.write(f"{line if arguments.json else _for_people(line)}\n")
    if not lines and not arguments.json:
        sys.stdout.write("nothing has left this device\n")
    if fault:
        raise AuricleError(
            f"the audit log was modified or damaged: {fault}; do not trust the lines after that, "
            "and start a new log with `auricle privacy erase`"
        )
    return 0


def _for_people(line: str) -> str:
    """Return a line of the log for people; a line that is not one of the daemon stays as it is."""
    try:
        entry: dict[str, Any] = parse_json(line.encode())
        told = f"{entry['time']}  {entry['host']}  {entry['bytes']} bytes  {entry['sha256'][:12]}"
        words = " ".join(entry.get("lattice", {}).get("words", []))
    except (ValueError, TypeError, LookupError, AttributeError, MalformedError):
        return line
    return f"{told}  {words}".rstrip()
