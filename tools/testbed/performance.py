"""A recording spoken to the daemon, and what a D-Bus client sees of it.

In: a bus with a running daemon, and what speaks the recording into its microphone. Out: the events
of the session as they come, and at its end the readings and the lattice.
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

PATIENCE_SECONDS = 10.0  # after the end of a recording
ENDS = ("final", "cancelled", "error")
READINGS = 3

Fields = dict[str, Any]
Show = Callable[[str, float, Fields], None]  # name of an event, seconds in the recording, the rest
Speak = Callable[[Path], "subprocess.Popen[bytes]"]


@dataclass(frozen=True, slots=True)
class Script:
    """A recording that is spoken, as models/demo/manifest.yaml describes it."""

    path: Path
    what: str
    wake_word: str
    text: str  # the command
    speech_end: float  # seconds: where the command ends


@dataclass(slots=True)
class Performance:
    """What a client saw; times are seconds from the start of the recording."""

    end: str = ""  # name of the last event, one of ENDS; empty when none came in time
    woken: bool = False
    text: str = ""  # of the final result
    reason: str = ""  # of the end
    speculative: float | None = None  # time of the last speculative result
    final: float | None = None
    nbest: list[tuple[str, float]] = field(default_factory=list)
    lattice: str = ""  # as JSON


def read_scripts(folder: Path) -> tuple[str, list[Script]]:
    """Return what a manifest says of how the recordings were made, and the recordings.

    Where a recording has no `speech_end` of its own, it is found by its level.
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
    """Speak a recording and return what a client saw of it.

    Args:
        script: what to speak.
        bus: address of the bus with the daemon.
        speak: starts to play a file into the daemon's microphone.
        show: called with each event of the session.
    """
    samples = read_recording(script.path)
    performance = Performance()
    levels: list[Level] = []
    start = 0.0  # of the recording on the audio clock
    async with AssistantClient(bus) as client:
        await client.subscribe()
        await client.start_monitor()
        player = speak(script.path)
        try:
            async with asyncio.timeout(len(samples) / SAMPLE_RATE + PATIENCE_SECONDS):
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
                await asyncio.to_thread(player.wait)  # what follows must not hear the rest of it
        except TimeoutError:
            pass  # told by what is missing in the performance
        finally:
            player.kill()
            player.wait()
    return performance


def follow(performance: Performance, name: str, time: float, fields: Fields) -> None:
    """Note an event of the session."""
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
