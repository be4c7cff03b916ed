"""`auricle monitor`, with a real daemon that hears a recording, and without."""

from __future__ import annotations

import asyncio
import io
import json
import os
import pty
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import pytest
from rich.console import Console

from auricle.cli.main import main
from auricle.cli.monitor import (
    METER_WIDTH,
    MonitorView,
    alternatives_of,
    line_of,
    meter,
    with_losses,
)
from auricle.client.client import AssistantClient, Event
from testbed.patience import patience
from testbed.private_bus import PrivateBus
from testbed.running_daemon import RunningDaemon

SECONDS = 20.0
Monitor = subprocess.Popen[str]


@contextmanager
def monitoring(bus: PrivateBus, *options: str) -> Iterator[Monitor]:
    """Run the command; whoever reads its output waits at most so long."""
    command = [sys.executable, "-m", "auricle.cli.main", "monitor", "--bus", bus.address, *options]
    with subprocess.Popen(
        command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    ) as monitor:
        guard = threading.Timer(patience(SECONDS), monitor.kill)
        guard.start()
        try:
            yield monitor
        finally:
            guard.cancel()
            monitor.kill()


def play(bus: PrivateBus) -> None:
    """Let the daemon hear its recording from the beginning."""

    async def unmute() -> None:
        async with AssistantClient(bus.address) as client:
            await client.set_muted(True)
            await client.set_muted(False)

    asyncio.run(unmute())


def read_until(monitor: Monitor, is_last: Callable[[str], bool]) -> list[str]:
    """Return the lines of its output up to the first for which `is_last` holds."""
    assert monitor.stdout is not None
    lines = []
    for line in monitor.stdout:
        lines.append(line.rstrip("\n"))
        if is_last(line):
            return lines
    raise AssertionError(f"the monitor ended; it printed {lines}")


@pytest.mark.usefixtures("daemon")
def test_programs_get_every_event_as_json(daemon_bus: PrivateBus) -> None:
    with monitoring(daemon_bus, "--json") as monitor:
        first = json.loads(read_until(monitor, lambda _: True)[0])
        assert (first["event"], first["wake_words"], first["language"]) == (
            "status",
            ["alexa"],
            "en",
        )
        play(daemon_bus)
        lines = read_until(monitor, lambda line: json.loads(line)["event"] == "final")
        monitor.send_signal(signal.SIGINT)
        assert monitor.wait(patience(SECONDS)) == 130
        assert monitor.stderr is not None
        assert monitor.stderr.read() == ""
    events = [json.loads(line) for line in lines]
    names = [event["event"] for event in events]
    for name in ("state", "level", "wake", "partial", "final"):
        assert name in names
    levels = [event for event in events if event["event"] == "level"]
    assert max(event["decibels"] for event in levels) > -50
    assert max(event["wake_scores"].get("alexa", 0.0) for event in levels) > 0.5
    assert events[-1]["names"] == []
    assert events[-1]["nbest"][0]["text"] == events[-1]["text"]
    assert (first["privacy"], first["level"]) == ("local", "saver")
    assert names.index("wake") < names.index("partial") < names.index("final")


@pytest.mark.usefixtures("daemon")
def test_a_pipe_gets_a_line_for_each_event_but_no_levels(daemon_bus: PrivateBus) -> None:
    with monitoring(daemon_bus) as monitor:
        read_until(monitor, lambda line: "status" in line)
        play(daemon_bus)
        lines = read_until(monitor, lambda line: "final" in line)
    assert any("wake         alexa (0." in line for line in lines)
    assert not any("level" in line for line in lines)


@pytest.mark.usefixtures("daemon")
def test_events_that_came_too_fast_are_counted(daemon_bus: PrivateBus) -> None:
    async def first_event() -> Event:
        async with AssistantClient(daemon_bus.address, waiting_events=1) as client:
            await client.set_muted(True)
            await client.set_muted(False)
            await client.status()  # what was broadcast before has come
            return await anext(with_losses(client))

    name, fields = asyncio.run(first_event())
    assert name == "dropped"
    line = line_of((name, fields))
    assert line is not None
    assert f"{fields['events']} events were lost" in line.plain


@pytest.mark.usefixtures("daemon")
def test_a_terminal_shows_a_meter(daemon_bus: PrivateBus) -> None:
    leader, follower = pty.openpty()
    command = [sys.executable, "-m", "auricle.cli.main", "monitor", "--bus", daemon_bus.address]
    environment = {**os.environ, "TERM": "xterm", "COLUMNS": "100", "LINES": "20"}
    with subprocess.Popen(
        command, stdin=follower, stdout=follower, stderr=follower, env=environment
    ) as monitor:
        os.close(follower)
        guard = threading.Timer(patience(SECONDS), monitor.kill)
        guard.start()
        shown, again = b"", 0.0
        while b"dBFS" not in shown or "█".encode() not in shown:
            shown += os.read(leader, 4096)
            if time.monotonic() > again:  # what is played before it listens is not shown
                play(daemon_bus)
                again = time.monotonic() + patience(5)
        guard.cancel()
        monitor.send_signal(signal.SIGINT)
        assert monitor.wait(patience(SECONDS)) == 130
    os.close(leader)


def test_without_a_daemon_it_fails_and_says_how_to_start_one(
    bus: PrivateBus, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["monitor", "--bus", bus.address]) == 1
    assert "start it with `auricle run --bus " in capsys.readouterr().err


def test_the_view_follows_state_level_scores_and_text() -> None:
    view = MonitorView()
    view.follow(("status", {"state": "idle", "wake_words": ["alexa"]}))
    view.follow(("level", {"time": 1.0, "decibels": -30.0, "wake_scores": {"alexa": 0.25}}))
    view.follow(("state", {"state": "listening"}))
    view.follow(("partial", {"session": "1", "text": "turn on", "time": 1.2}))
    screen = io.StringIO()
    Console(width=100, file=screen).print(view)
    text = screen.getvalue()
    assert "-30.0 dBFS" in text
    assert "0.25" in text
    assert "listening  turn on" in text


@pytest.mark.parametrize("width", [20, 60, 100])
def test_the_view_keeps_its_height_at_any_width(width: int) -> None:
    view = MonitorView()
    long = "turn on the light in the kitchen and " * 5
    events: list[Event] = [
        ("status", {"state": "idle", "wake_words": ["okay_nabu"], "privacy": "local"}),
        ("level", {"time": 1.0, "decibels": -100.0, "wake_scores": {"okay_nabu": 0.25}}),
        ("state", {"state": "listening", "level": "saver"}),
        ("partial", {"session": "1", "text": long + "電話をかける" * 9 + "end", "time": 1.2}),
        ("settled", {"session": "1", "words": 2, "characters": 7, "time": 1.2}),
        ("final", {"session": "1", "text": long, "reason": "silence", "time": 2.0}),
        ("state", {"state": "idle", "privacy": "lattice"}),
    ]
    for event in events:
        view.follow(event)
        lines = Console(width=width, force_terminal=True).render_lines(view, pad=False)
        assert len(lines) == 4
        assert all(sum(part.cell_length for part in line) <= width for line in lines)
        if event[0] == "partial":
            assert "".join(part.text for part in lines[2]).endswith("end")
    screen = io.StringIO()
    Console(width=100, file=screen).print(view)
    assert "privacy lattice, compute level saver" in screen.getvalue()


def test_a_change_of_state_says_state_once() -> None:
    line = line_of(("state", {"state": "listening", "wake_words": ["alexa"], "privacy": "local"}))
    assert line is not None
    assert line.plain.split(maxsplit=1) == ["state", "listening, wake words alexa, privacy local"]


def test_alternatives_follow_a_final_result() -> None:
    nbest = [{"text": "go", "score": -0.5}, {"text": "no", "score": -2.25}]
    fields: dict[str, object] = {"text": "go", "reason": "silence", "time": 2.0, "nbest": nbest}
    assert [line.plain.split() for line in alternatives_of(("final", fields))] == [["-2.25", "no"]]


@pytest.mark.usefixtures("daemon")
def test_a_change_of_the_privacy_mode_is_an_event(daemon_bus: PrivateBus) -> None:
    async def change() -> None:
        async with AssistantClient(daemon_bus.address) as client:
            await client.set_privacy("lattice")
            await client.set_privacy("local")

    with monitoring(daemon_bus, "--json") as monitor:
        read_until(monitor, lambda _: True)
        asyncio.run(change())
        lines = read_until(monitor, lambda line: '"privacy": "local"' in line)
    assert {"event": "state", "privacy": "lattice"} in map(json.loads, lines)


def test_the_view_shows_settled_words_bold_and_others_not() -> None:
    view = MonitorView()
    view.follow(("state", {"state": "listening"}))
    view.follow(("partial", {"session": "1", "text": "turn on", "time": 1.2}))
    view.follow(("settled", {"session": "1", "words": 1, "characters": 4, "time": 1.2}))
    assert bold_of(view) == "listening  turn"
    view.follow(("speculative", {"session": "1", "text": "turn on", "time": 1.5}))
    assert bold_of(view) == "listening  "
    assert line_of(("settled", {"session": "1", "words": 1, "characters": 4, "time": 1})) is None


def bold_of(view: MonitorView) -> str:
    """Return the part of the text so far that a terminal shows bold."""
    console = Console(width=100, color_system="truecolor", force_terminal=True)
    segments = [segment for line in console.render_lines(view) for segment in line]
    return "".join(one.text for one in segments if one.style and one.style.bold)


@pytest.mark.parametrize("decibels", [-96.0, -60.0, -30.0, -0.5, 0.0])
@pytest.mark.parametrize("loudest", [-60.0, -29.0, 0.0])
def test_the_meter_has_always_the_same_width(decibels: float, loudest: float) -> None:
    assert len(meter(decibels, loudest).plain) == METER_WIDTH


def test_the_names_that_were_said_are_shown() -> None:
    names = [{"kind": "appliances", "written": "Batcave", "id": "17", "start": 0.5, "end": 1.0}]
    fields = {"text": "turn on the batcave", "reason": "silence", "time": 2.0, "names": names}
    line = line_of(("final", fields))
    assert line is not None
    assert line.plain.endswith("turn on the batcave (silence), Batcave of appliances")


def test_what_was_said_is_shown_as_it_is() -> None:
    fields: dict[str, object] = {"text": "[red]x[/red]", "reason": "silence", "time": 2.0}
    line = line_of(("final", fields))
    assert line is not None
    assert line.plain == "     2.00 final        [red]x[/red] (silence)"


def test_it_fails_when_the_daemon_stops(daemon: RunningDaemon, daemon_bus: PrivateBus) -> None:
    with monitoring(daemon_bus) as monitor:
        read_until(monitor, lambda line: "status" in line)
        daemon.signal(signal.SIGTERM)
        assert monitor.wait(SECONDS) == 1
        assert monitor.stderr is not None
        assert monitor.stderr.read().startswith("auricle: Auricle has stopped; start it again")
