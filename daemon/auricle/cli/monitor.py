"""`auricle monitor`: shows live events of the daemon.

With `--json`, it prints one object per line. Its `event` is `status` (first; with all fields of
`auricle status`), `state` (the fields that have changed), `level`, `wake`, `partial`, `settled`,
`speculative`, `revised`, `final`, `cancelled` or `error`. The other keys are those of the D-Bus
signal with this name; `final` also has `names`, the context entries in the text. `dropped` gives
the total number of `events` that were lost because they came too fast. The monitor shows the
sessions started by a wake word; sessions started by other clients are private. On a terminal,
settled words are bold.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import sys
from collections.abc import AsyncIterator
from dataclasses import asdict

from rich.console import Console, Group
from rich.live import Live
from rich.table import Table
from rich.text import Text

from auricle.cli.bus_option import add_bus_option, chosen_bus
from auricle.cli.status import KEYS, as_text
from auricle.client.client import AssistantClient, Event
from auricle.errors import BusError

QUIETEST, LOUDEST = -60.0, 0.0  # dBFS at the ends of the meter
METER_WIDTH = 40
FALL_DECIBELS = 3.0  # decay of the peak mark per level event


def configure(parser: argparse.ArgumentParser) -> None:
    """Add the arguments of the command."""
    parser.description = "Show live events of the daemon, until Ctrl-C."
    add_bus_option(parser)
    parser.add_argument("--json", action="store_true", help="print one JSON object per line")


def run(arguments: argparse.Namespace) -> int:
    """Show events until interrupted; it is an error if the daemon stops."""
    bus = chosen_bus(arguments)
    console = Console(highlight=False)
    if arguments.json:
        asyncio.run(print_json(bus))
    elif console.is_terminal:
        asyncio.run(show_live(bus, console))
    else:
        asyncio.run(print_lines(bus))
    return 0


async def watch(bus: str) -> AsyncIterator[Event]:
    """Yield the status of the daemon, then its events.

    Raises:
        NotRunningError: there is no daemon, or it stops.
        NotAuthorizedError: this user has no access to the daemon.
        BusError: the bus cannot be reached.
    """
    async with AssistantClient(bus) as client:
        await client.subscribe()
        await client.start_monitor()
        yield "status", renamed(await client.status())
        async for name, fields in with_losses(client):
            match name:
                case "state":
                    yield name, renamed(fields)
                case "final":
                    yield name, fields | {"names": await names_of(client, str(fields["session"]))}
                case _:
                    yield name, fields


async def names_of(client: AssistantClient, session: str) -> list[dict[str, object]]:
    """Return the context entries in the text of a session, as JSON objects."""
    try:
        return [asdict(name) for name in await client.names(session)]
    except BusError:  # the monitor is behind, and the session no longer exists
        return []


async def with_losses(client: AssistantClient) -> AsyncIterator[Event]:
    """Yield the events of a client; report dropped events before the next event."""
    told = 0
    async for event in client.events():
        if client.dropped > told:
            told = client.dropped
            yield "dropped", {"events": told}
        yield event


def renamed(properties: dict[str, object]) -> dict[str, object]:
    """Return D-Bus properties with the keys of `auricle status --json`."""
    return {KEYS[name]: value for name, value in properties.items() if name in KEYS}


async def print_json(bus: str) -> None:
    """Print every event as JSON."""
    async for name, fields in watch(bus):
        sys.stdout.write(json.dumps({"event": name, **fields}, ensure_ascii=False) + "\n")
        sys.stdout.flush()


async def print_lines(bus: str) -> None:
    """Print a line for each event, except for frequent ones such as levels."""
    async for event in watch(bus):
        if line := line_of(event):
            sys.stdout.write(line.plain + "\n")
            sys.stdout.flush()


async def show_live(bus: str, console: Console) -> None:
    """Print a line for each event; below them show the level, the wake scores and the text."""
    view = MonitorView()
    with Live(view, console=console, refresh_per_second=10) as live:
        async for event in watch(bus):
            view.follow(event)
            if line := line_of(event):
                live.console.print(line)


def line_of(event: Event) -> Text | None:
    """Return one line for an event; None for frequent events."""
    name, fields = event
    match name:
        case "level" | "partial" | "settled":
            return None
        case "status" | "state":
            told = ", ".join(f"{key} {as_text(value)}" for key, value in fields.items())
            return Text(f"{'':9} {name:12} {told}", "dim")
        case "dropped":
            told = f"{fields['events']} events were lost because they came too fast"
            return Text(f"{'':9} {name:12} {told}", "yellow")
        case "wake":
            told = f"{fields['wake_word'] or 'a client'} ({fields['score']:.2f})"
        case "final":
            told = f"{fields['text']} ({fields['reason']})"
            names = fields.get("names")
            for said in names if isinstance(names, list) else ():
                told += f", {said['written']} of {said['kind']}"
        case "error":
            told = f"{fields['error']}: {fields['message']}"
        case _:
            told = str(fields.get("text", fields.get("reason", "")))
    style = {"final": "bold green", "error": "bold red", "wake": "bold"}.get(name, "")
    return Text(f"{fields['time']:9.2f} {name:12} {told}".rstrip(), style)


class MonitorView:
    """The live display below the event lines."""

    def __init__(self) -> None:
        """Start with an empty display."""
        self.state = ""
        self.text = ""  # current partial or final text
        self.settled = 0  # number of characters that no longer change
        self.decibels = QUIETEST
        self.loudest = QUIETEST
        self.scores: dict[str, float] = {}

    def follow(self, event: Event) -> None:
        """Update the display for an event."""
        name, fields = event
        match name:
            case "status" | "state":
                self.state = str(fields.get("state", self.state))
                words = fields.get("wake_words")
                if isinstance(words, list):
                    self.scores = dict.fromkeys(words, 0.0)
            case "level":
                self._follow_level(fields)
            case "partial":
                self.text = str(fields["text"])
            case "settled":
                self.settled = int(str(fields["characters"]))
            case "speculative":
                self.text, self.settled = str(fields["text"]), 0
            case "final":
                self.text = str(fields["text"])
                self.settled = len(self.text)
            case "wake" | "cancelled" | "error":
                self.text, self.settled = "", 0

    def _follow_level(self, fields: dict[str, object]) -> None:
        decibels, scores = fields["decibels"], fields["wake_scores"]
        if isinstance(decibels, float):
            self.decibels = decibels
            self.loudest = max(decibels, self.loudest - FALL_DECIBELS)
        if isinstance(scores, dict):
            self.scores = {word: float(scores.get(word, 0.0)) for word in {**self.scores, **scores}}

    def __rich__(self) -> Group:
        """Return the current content."""
        table = Table.grid(padding=(0, 1))
        table.add_row("level", meter(self.decibels, self.loudest), f"{self.decibels:6.1f} dBFS")
        for word, score in self.scores.items():
            table.add_row(word, bar(score), f"{score:6.2f}")
        text = Text(f"{self.state}  {self.text[: self.settled]}", "bold cyan")
        return Group(table, text.append(self.text[self.settled :], "not bold"))


def meter(decibels: float, loudest: float) -> Text:
    """Return a level meter with a mark at the recent peak."""
    filled, mark = (round(METER_WIDTH * share_of(value)) for value in (decibels, loudest))
    text = bar(share_of(decibels))
    if mark > filled:
        text.right_crop(METER_WIDTH - mark + 1)
        text.append("▏", "yellow")
        text.append("·" * (METER_WIDTH - mark), "dim")
    return text


def bar(share: float) -> Text:
    """Return a bar that is filled to `share`, 0 to 1."""
    filled = round(METER_WIDTH * min(1.0, max(0.0, share)))
    return Text("█" * filled, "green").append("·" * (METER_WIDTH - filled), "dim")


def share_of(decibels: float) -> float:
    """Return the position of a level in dBFS on the meter, 0 to 1."""
    return min(1.0, max(0.0, (decibels - QUIETEST) / (LOUDEST - QUIETEST)))
