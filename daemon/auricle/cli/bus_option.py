"""The option `--bus`, and one call to the daemon on the bus that it names."""

from __future__ import annotations

import argparse
import asyncio
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import TypeVar

from auricle.client.client import AssistantClient
from auricle.config.loading import load
from auricle.config.locations import SYSTEM_CONFIG, find_config
from auricle.diagnosis.bus import find_owner
from auricle.errors import BusError

Value = TypeVar("Value")


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
    """Return the bus of the command line, or that of the daemon which is meant.

    Raises ConfigError.
    """
    given: str | None = arguments.bus
    config = find_config()
    return given or own_bus(config) or load(config).bus.kind


def own_bus(config: Path) -> str | None:
    """Return "session" if this person's own daemon runs there; else None: what `config` says holds.

    The system's configuration tells of the system's daemon; a person's own user service reads the
    same one, and still goes before.
    """
    try:
        runs = config == SYSTEM_CONFIG and asyncio.run(find_owner("session")) is not None
    except BusError:
        return None
    return "session" if runs else None


def call(
    arguments: argparse.Namespace, work: Callable[[AssistantClient], Awaitable[Value]]
) -> Value:
    """Return what the daemon answers; raises the error that it names."""

    async def ask(bus: str) -> Value:
        async with AssistantClient(bus) as client:
            return await work(client)

    return asyncio.run(ask(chosen_bus(arguments)))
