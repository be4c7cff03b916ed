"""`auricle monitor`: shows live events of the daemon.

With `--json`, it prints one object per line. Its `event` is `status` (first; with all fields of
`auricle status`), `state` (the fields that have changed), `level`, `wake`, `partial`, `settled`,
`speculative`, `revised`, `final`, `cancelled` or `error`. The other keys are those of the D-Bus
signal with this name; `final` also has `names`, the context entries in the text, and `nbest`, the
hypotheses {text, score}. `dropped` gives the total number of `events` that were lost because they
came too fast. The monitor shows the sessions started by a wake word; sessions started by other
clients are private. On a terminal, settled words are bold.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import sys
from collections.abc import AsyncIterator
from dataclasses import asdict

from rich.console import Console, ConsoleOptions, RenderResult
from rich.live import Live
from rich.text import Text

from auricle.cli.bus_option import add_bus_option, chosen_bus
from auricle.cli.status import KEYS, as_text, status_of
from auricle.client.client import AssistantClient, Event
from auricle.errors import BusError

QUIETEST, LOUDEST = -60.0, 0.0  # dBFS at the ends of the meter
METER_WIDTH = 40  # cells, if the terminal is wide enough
VALUE_WIDTH = len("-100.0 dBFS")
MOST_HYPOTHESES = 5  # shown of a final result
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
        known = renamed(await status_of(client))
        yield "status", dict(known)
        async for name, fields in with_losses(client):
            match name:
                case "state" | "privacy" | "arbiter":
                    told = renamed(fields)
                    changed = {key: told[key] for key in told if told[key] != known[key]}
                    known |= changed
                    if changed:
                        yield "state", changed
                case "final":
                    yield name, fields | await details_of(client, str(fields["session"]))
                case _:
                    yield name, fields


async def details_of(client: AssistantClient, session: str) -> dict[str, object]:
    """Return the names in the text of a session and its n-best list, as JSON objects."""
    try:
        names = [asdict(name) for name in await client.names(session)]
        nbest = await client.nbest(session, MOST_HYPOTHESES)
    except BusError:  # the monitor is behind, and the session no longer exists
        return {"names": [], "nbest": []}
    return {"names": names, "nbest": [{"text": text, "score": score} for text, score in nbest]}


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
    keys = KEYS | {"Mode": KEYS["Privacy"]}
    return {keys[name]: value for name, value in properties.items() if name in keys}


async def print_json(bus: str) -> None:
    """Print every event as JSON."""
    async for name, fields in watch(bus):
        sys.stdout.write(json.dumps({"event": name, **fields}, ensure_ascii=False) + "\n")
        sys.stdout.flush()


async def print_lines(bus: str) -> None:
    """Print a line for each event, except for frequent ones such as levels."""
    async for event in watch(bus):
        if line := line_of(event):
            lines = (line, *alternatives_of(event))
            sys.stdout.write("".join(f"{one.plain}\n" for one in lines))
            sys.stdout.flush()


async def show_live(bus: str, console: Console) -> None:
    """Print a line for each event; below them show the level, the wake scores and the text."""
    view = MonitorView()
    with Live(view, console=console, refresh_per_second=10) as live:
        async for event in watch(bus):
            view.follow(event)
            for line in (line_of(event), *alternatives_of(event)):
                if line is not None:
                    live.console.print(line)


def line_of(event: Event) -> Text | None:
    """Return one line for an event; None for frequent events."""
    name, fields = event
    match name:
        case "level" | "partial" | "settled":
            return None
        case "status" | "state":
            told = ", ".join(
                as_text(value) if key == name else f"{key.replace('_', ' ')} {as_text(value)}"
                for key, value in fields.items()
            )
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


def alternatives_of(event: Event) -> list[Text]:
    """Return a line for each hypothesis of a final result after the best one."""
    name, fields = event
    nbest = fields.get("nbest")
    if name != "final" or not isinstance(nbest, list):
        return []
    return [Text(f"{one['score']:22.2f} {one['text']}", "dim") for one in nbest[1:]]


class MonitorView:
    """The live display below the event lines."""

    def __init__(self) -> None:
        """Start with an empty display."""
        self.state = ""
        self.privacy = ""
        self.level = ""  # compute level
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
                self.privacy = str(fields.get("privacy", self.privacy))
                self.level = str(fields.get("level", self.level))
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

    def __rich_console__(self, console: Console, options: ConsoleOptions) -> RenderResult:
        """Yield the current content: lines that never wrap, so that none is left behind."""
        labels = ["level", *self.scores]
        label_width = max(map(len, labels))
        width = max(1, min(METER_WIDTH, options.max_width - label_width - VALUE_WIDTH - 2))
        values = [
            f"{self.decibels:6.1f} dBFS",
            *(f"{score:6.2f}" for score in self.scores.values()),
        ]
        bars = [
            meter(self.decibels, self.loudest, width),
            *(bar(score, width) for score in self.scores.values()),
        ]
        for label, drawn, value in zip(labels, bars, values, strict=True):
            yield _cropped(Text.assemble(f"{label:{label_width}} ", drawn, f" {value}"), options)
        text = Text(f"{self.state}  {self.text[: self.settled]}", "bold cyan")
        text.append(self.text[self.settled :], "not bold")
        yield _cropped(_end_of(text, options.max_width), options)
        yield _cropped(Text(f"privacy {self.privacy}, compute level {self.level}", "dim"), options)


def _end_of(text: Text, width: int) -> Text:
    """Return the end of a text that does not fit, because its newest words are there."""
    if text.cell_len <= width:
        return text
    end = text[-(width - 1) :]
    while end.cell_len >= width:  # some characters are two cells wide
        end = end[1:]
    return Text("…") + end


def _cropped(text: Text, options: ConsoleOptions) -> Text:
    """Return a text as one line of the terminal."""
    text.no_wrap = True
    text.overflow = "crop"
    text.truncate(options.max_width)
    return text


def meter(decibels: float, loudest: float, width: int = METER_WIDTH) -> Text:
    """Return a level meter with a mark at the recent peak."""
    filled, mark = (round(width * share_of(value)) for value in (decibels, loudest))
    text = bar(share_of(decibels), width)
    if mark > filled:
        text.right_crop(width - mark + 1)
        text.append("▏", "yellow")
        text.append("·" * (width - mark), "dim")
    return text


def bar(share: float, width: int = METER_WIDTH) -> Text:
    """Return a bar that is filled to `share`, 0 to 1."""
    filled = round(width * min(1.0, max(0.0, share)))
    return Text("█" * filled, "green").append("·" * (width - filled), "dim")


def share_of(decibels: float) -> float:
    """Return the position of a level in dBFS on the meter, 0 to 1."""
    return min(1.0, max(0.0, (decibels - QUIETEST) / (LOUDEST - QUIETEST)))
