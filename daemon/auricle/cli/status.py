"""`auricle status`: shows the state of the daemon."""

from __future__ import annotations

import argparse
import asyncio
import json
import sys

from auricle.cli.bus_option import add_bus_option, chosen_bus
from auricle.client.client import AssistantClient

LABELS = {  # D-Bus property -> label for the user
    "State": "State",
    "Muted": "Muted",
    "WakeWords": "Wake words",
    "Language": "Language",
    "Version": "Version",
    "Privacy": "Privacy",
    "Level": "Level",
}
KEYS = {  # D-Bus property -> key in the JSON
    "State": "state",
    "Muted": "muted",
    "WakeWords": "wake_words",
    "Language": "language",
    "Version": "version",
    "Privacy": "privacy",
    "Level": "level",
}


def configure(parser: argparse.ArgumentParser) -> None:
    """Add the arguments of the command."""
    add_bus_option(parser)
    parser.add_argument("--json", action="store_true", help="print one JSON object")


def run(arguments: argparse.Namespace) -> int:
    """Print the state; return 0."""
    properties = asyncio.run(fetch(chosen_bus(arguments)))
    if arguments.json:
        content = {KEYS[name]: properties[name] for name in KEYS}
        sys.stdout.write(json.dumps(content, ensure_ascii=False) + "\n")
    else:
        for name, label in LABELS.items():
            sys.stdout.write(f"{label + ':':12}{as_text(properties[name])}\n")
    return 0


async def fetch(bus: str) -> dict[str, object]:
    """Return the properties of the daemon on `bus`.

    Raises:
        NotRunningError: there is no daemon on the bus.
        BusError: the bus cannot be reached.
    """
    async with AssistantClient(bus) as client:
        return await status_of(client)


async def status_of(client: AssistantClient) -> dict[str, object]:
    """Return the properties of a daemon."""
    return {
        **await client.status(),
        "Privacy": (await client.privacy())["Mode"],
        "Level": (await client.arbiter())["Level"],
    }


def as_text(value: object) -> str:
    """Return the value of a property as text for the user."""
    match value:
        case bool():
            return "yes" if value else "no"
        case list():
            return ", ".join(value) or "none"
        case _:
            return str(value)
