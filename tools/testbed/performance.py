"""Plays a recording to the daemon and collects the events that a D-Bus client receives.

In: a bus with a running daemon, and a function that plays the recording into its microphone. Out:
the events of the session as they arrive, then the n-best list and the lattice.
"""

from __future__ import annotations

import asyncio
import subprocess
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import yaml

from auricle.audio.file import read_recording
from auricle.audio.format import SAMPLE_RATE
from auricle.client.client import AssistantClient
from testbed.alignment import Level, end_of_speech, find_start
from testbed.patience import patience

PATIENCE_SECONDS = 10.0  # timeout after the end of a recording
ENDS = ("final", "cancelled", "error")
READINGS = 3  # length of the n-best list

Fields = dict[str, Any]
Show = Callable[[str, float, Fields], None]  # event name, seconds in the recording, event fields
Speak = Callable[[Path], "subprocess.Popen[bytes]"]


@dataclass(frozen=True, slots=True)
class Script:
    """A recording to play, as described in models/demo/manifest.yaml."""

    path: Path
    what: str
    wake_word: str
    text: str  # the command
    speech_end: float  # end of the command in seconds


@dataclass(slots=True)
class Performance:
    """Events and results of the client; times are seconds from the start of the recording."""

    end: str = ""  # name of the last event, one of ENDS; empty after a timeout
    woken: bool = False
    text: str = ""  # text of the final result
    reason: str = ""  # reason given by the last event
    speculative: float | None = None  # time of the last speculative result
    final: float | None = None  # time of the final result
    nbest: list[tuple[str, float]] = field(default_factory=list)
    lattice: str = ""  # as JSON


def read_scripts(folder: Path) -> tuple[str, list[Script]]:
    """Read a manifest; return its description of how the recordings were made, and the recordings.

    If a recording has no `speech_end`, it is detected by energy.
    """
    manifest = yaml.safe_load((folder / "manifest.yaml").read_text(encoding="utf-8"))
    scripts = []
    for entry in manifest["files"]:
        path = folder / entry["file"]
        speech_end = entry.get("speech_end") or end_of_speech(read_recording(path))
        scripts.append(
            Script(path, entry["what"], entry["wake_word"], entry["text"], float(speech_end))
        )
    return str(manifest["spliced"]), scripts


async def perform(script: Script, bus: str, speak: Speak, show: Show) -> Performance:
    """Play a recording and return what a client received.

    Args:
        script: recording to play.
        bus: address of the bus with the daemon.
        speak: starts playing a file into the daemon's microphone.
        show: called with each event of the session.
    """
    samples = read_recording(script.path)
    performance = Performance()
    levels: list[Level] = []
    start = 0.0  # start of the recording on the audio clock
    async with AssistantClient(bus) as client:
        await client.subscribe()
        await client.start_monitor()
        player = speak(script.path)
        try:
            async with asyncio.timeout(len(samples) / SAMPLE_RATE + patience(PATIENCE_SECONDS)):
                async for name, fields in client.events():
                    if name == "level":
                        levels.append((float(str(fields["time"])), float(str(fields["decibels"]))))
                    elif name == "wake":
                        start = find_start(levels, samples)
                    if "session" in fields:
                        time = float(str(fields["time"])) - start
                        follow(performance, name, time, fields)
                        show(name, time, fields)
                    if name in ENDS:
                        break
                if name == "final":
                    session = str(fields["session"])
                    performance.nbest = await client.nbest(session, READINGS)
                    performance.lattice = await client.lattice(session)
                await asyncio.to_thread(player.wait)  # the next recording starts after this one
        except TimeoutError:
            pass  # `performance.end` stays empty
        finally:
            player.kill()
            player.wait()
    return performance


def follow(performance: Performance, name: str, time: float, fields: Fields) -> None:
    """Record an event of the session."""
    match name:
        case "wake":
            performance.woken = True
        case "speculative":
            performance.speculative = time
        case "final":
            performance.final = time
            performance.text = str(fields["text"])
    if name in ENDS:
        performance.end = name
        performance.reason = str(fields.get("reason") or fields.get("message"))
