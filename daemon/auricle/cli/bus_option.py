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
    """Add the option `--bus`."""
    parser.add_argument(
        "--bus",
        metavar="session|system|ADDRESS",
        type=bus,
        help="the bus of the daemon, or a D-Bus address (default: from the configuration)",
    )


def bus(text: str) -> str:
    """Return the argument of `--bus`; raise ArgumentTypeError if it is not a bus."""
    if text not in ("session", "system") and ":" not in text:
        raise argparse.ArgumentTypeError(
            f"{text!r} is not a bus; give session, system, or an address such as unix:path=/run/bus"
        )
    return text


def chosen_bus(arguments: argparse.Namespace) -> str:
    """Return the bus of `--bus`, or the default bus.

    The default is the session bus if the user's own daemon runs there, else the configured bus.

    Raises:
        ConfigError: the configuration has mistakes.
    """
    given: str | None = arguments.bus
    config = find_config()
    return given or own_bus(config) or load(config).bus.kind


def own_bus(config: Path) -> str | None:
    """Return "session" if the user's own daemon runs on the session bus, else None.

    A user service may read the system configuration, which names the system bus. The user's daemon
    still takes precedence.
    """
    try:
        runs = config == SYSTEM_CONFIG and asyncio.run(find_owner("session")) is not None
    except BusError:
        return None
    return "session" if runs else None


def call(
    arguments: argparse.Namespace, work: Callable[[AssistantClient], Awaitable[Value]]
) -> Value:
    """Connect to the daemon, await `work`, and return its result.

    Raises:
        AuricleError: the error of the daemon or the connection.
    """

    async def ask(bus: str) -> Value:
        async with AssistantClient(bus) as client:
            return await work(client)

    return asyncio.run(ask(chosen_bus(arguments)))
