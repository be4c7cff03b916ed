"""A command that asks the daemon something: connect to the bus that is meant, ask, hang up."""

from __future__ import annotations

import argparse
import asyncio
from collections.abc import Awaitable, Callable
from typing import TypeVar

from auricle.cli.bus_option import chosen_bus
from auricle.client.client import AssistantClient

Value = TypeVar("Value")


def call(
    arguments: argparse.Namespace, work: Callable[[AssistantClient], Awaitable[Value]]
) -> Value:
    """Return what the daemon answers; raises the error that it names."""

    async def ask(bus: str) -> Value:
        async with AssistantClient(bus) as client:
            return await work(client)

    return asyncio.run(ask(chosen_bus(arguments)))
