"""`auricle privacy`: what may leave the device, and what did."""

from __future__ import annotations

import argparse
import json
import sys
from typing import Any

from auricle.cli.bus_option import add_bus_option, call
from auricle.client.client import AssistantClient
from auricle.errors import AuricleError

DESCRIPTION = """\
Tell what may leave the device, or switch it, at once: with local, nothing; with lattice, the words
of a command that may have been said, never a sound. Anyone who may hear may switch to local, only
the owner (root, or the user of the daemon) to lattice. `log` prints what left, a JSON object a
line, and fails if the record was tampered with; `erase` forgets it, and all names that are kept.
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
        help="what is switched to or done (default: tell the mode)",
    )
    parser.add_argument("--json", action="store_true", help="print JSON")
    add_bus_option(parser)


def run(arguments: argparse.Namespace) -> int:
    """Do what the action says; return 0, or 1 if the record is broken."""
    match arguments.action:
        case "log":
            return print_log(arguments)
        case "erase":
            call(arguments, lambda client: client.erase_privacy())
            sys.stdout.write("" if arguments.json else "the record and all kept names are erased\n")
        case action:
            print_mode(arguments, action)
    return 0


def print_mode(arguments: argparse.Namespace, mode: str | None) -> None:
    """Print what may leave, after switching to `mode` if one is given."""

    async def ask(client: AssistantClient) -> dict[str, object]:
        if mode is not None:
            await client.set_privacy(mode)
        return await client.privacy()

    told = call(arguments, ask)
    if arguments.json:
        content = {"mode": told["Mode"], "reranker": told["Reranker"] or None}
        sys.stdout.write(json.dumps(content) + "\n")
    elif told["Mode"] == "local":
        sys.stdout.write("local: nothing leaves this device\n")
    else:
        where = told["Reranker"] or "nowhere: privacy.reranker is not set"
        sys.stdout.write(f"lattice: words that may have been said go to {where}\n")


def print_log(arguments: argparse.Namespace) -> int:
    """Print the record; return 1 if its chain is broken."""
    lines, fault = call(arguments, lambda client: client.privacy_record())
    for line in lines:
        sys.stdout.write(f"{line if arguments.json else _for_people(line)}\n")
    if not lines and not arguments.json:
        sys.stdout.write("nothing has left this device\n")
    if fault:
        raise AuricleError(
            f"the record was tampered with or damaged: {fault}; trust no line after that, and "
            "begin anew with `auricle privacy erase`"
        )
    return 0


def _for_people(line: str) -> str:
    try:
        entry: dict[str, Any] = json.loads(line)
        told = f"{entry['time']}  {entry['host']}  {entry['bytes']} bytes  {entry['sha256'][:12]}"
        words = entry.get("lattice", {}).get("words", [])
    except (ValueError, TypeError, LookupError, AttributeError):
        return line
    return f"{told}  {' '.join(words)}".rstrip()
