"""The demonstration of `make run`: speech from a microphone to a client on D-Bus.

    python tools/demo.py [--recorded]

With a microphone, the daemon listens to it until Ctrl-C. Without one, or with --recorded, recorded
commands of a real person are played into a virtual microphone. The exit status is then 0, or 1 with
the reason if a recording has no final result.
"""

from __future__ import annotations

import argparse
import asyncio
import os
import shutil
import signal
import sys
from contextlib import ExitStack
from functools import partial
from pathlib import Path
from types import FrameType

from rich.console import Console
from rich.markup import escape
from rich.panel import Panel
from rich.table import Table
from rich.text import Text

from auricle.audio.devices import InputDevice, list_devices
from auricle.audio.microphone import Microphone
from auricle.client.client import AssistantClient
from auricle.config.locations import model_folders
from auricle.dbus.connection import Connection
from auricle.errors import AuricleError, BusError, DeviceError, ModelError
from auricle.lattice.formats import from_json
from testbed.errors import StageError
from testbed.performance import Fields, Performance, Script, perform, read_scripts
from testbed.private_bus import PrivateBus
from testbed.running_daemon import RunningDaemon
from testbed.virtual_microphone import VirtualMicrophone

FAILED = 1
INTERRUPTED = 130  # exit status in shells after Ctrl-C
STYLES = {
    "wake": "bold",
    "partial": "dim",
    "speculative": "cyan",
    "revised": "yellow",
    "final": "bold green",
    "cancelled": "red",
    "error": "bold red",
}
PROGRAMS = {"pulseaudio": "pulseaudio", "paplay": "pulseaudio-utils", "dbus-daemon": "dbus"}


def main() -> int:
    """Run the demonstration; return the exit status."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument(
        "--recorded",
        action="store_true",
        help="play the bundled recordings into a virtual microphone, even if a real one exists",
    )
    arguments = parser.parse_args()
    for ending in (signal.SIGTERM, signal.SIGHUP):
        signal.signal(ending, leave)
    console = Console(highlight=False)
    try:
        device = None if arguments.recorded else find_microphone()
        if device is not None:
            return show_live(device, console)
        return show_recorded(console, forced=arguments.recorded)
    except FileNotFoundError as error:
        console.print(f"[bold red]{escape(advice_on(str(error.filename)))}")
        return FAILED
    except (AuricleError, StageError) as error:
        console.print(f"[bold red]{escape(str(error))}")
        return FAILED
    except KeyboardInterrupt:
        return INTERRUPTED


def advice_on(program: str) -> str:
    """Return how to get a missing program."""
    if program == "pulseaudio" and shutil.which("pipewire"):
        return (
            "no microphone can be opened, and the virtual one needs pulseaudio, which could "
            "replace the installed PipeWire; plug in a microphone, or run this in a container"
        )
    package = PROGRAMS.get(program)
    return f"{program} is missing" + (f"; install the Debian package {package}" if package else "")


def leave(number: int, frame: FrameType | None) -> None:
    """Exit through SystemExit, so that all started processes are stopped."""
    sys.exit(128 + number)


def find_microphone() -> InputDevice | None:
    """Return a microphone that can be opened, if possible the default; None without one."""
    try:
        devices = sorted(list_devices(), key=lambda device: not device.is_default)
    except DeviceError:
        return None
    for device in devices:
        try:
            with Microphone(device.index):
                return device
        except DeviceError:
            continue
    return None


def show_live(device: InputDevice, console: Console) -> int:
    """Run the daemon on a microphone, and print the events of a client until Ctrl-C."""
    with ExitStack() as testbed:
        if asyncio.run(session_bus_answers()):
            bus, called = os.environ["DBUS_SESSION_BUS_ADDRESS"], "the session bus"
        else:
            bus, called = testbed.enter_context(PrivateBus()).address, "a private bus"
        daemon = RunningDaemon(bus, f"audio: {{device: {device.index}}}\n")
        testbed.enter_context(daemon)
        console.print(
            Panel(
                f"The daemon listens to the microphone [bold]{escape(device.name)}[/]."
                f"\nA client on {called} receives these events:\n{escape(bus)}",
                title="Auricle",
            )
        )
        try:
            asyncio.run(watch(bus, console))
        except KeyboardInterrupt:
            return 0
    return 0


async def session_bus_answers() -> bool:
    """Return whether a session bus exists and accepts the connection."""
    if not os.environ.get("DBUS_SESSION_BUS_ADDRESS"):
        return False
    try:
        connection = await Connection.open("session")
    except BusError:
        return False
    await connection.close()
    return True


async def watch(bus: str, console: Console) -> None:
    """Print the events of all sessions; raises NotRunningError when the daemon stops."""
    async with AssistantClient(bus) as client:
        await client.subscribe()
        words = (await client.status())["WakeWords"]
        names = [str(word).replace("_", " ") for word in words] if isinstance(words, list) else []
        console.print(f"Say {' or '.join(names)}, then a command. Stop with Ctrl-C.\n")
        async for name, fields in client.events():
            if "session" not in fields:
                continue
            show(console, name, float(str(fields["time"])), fields)
            if name == "final":
                lattice = await client.lattice(str(fields["session"]))
                arcs = len(from_json(lattice).arcs)
                console.print(
                    f"          lattice      {len(lattice.encode())} bytes, {arcs} arcs\n"
                )


def show_recorded(console: Console, *, forced: bool) -> int:
    """Play the bundled recordings into a virtual microphone, and print the events of a client."""
    spliced, scripts = read_scripts(find_recordings())
    why = "as requested" if forced else "no real one was found"
    console.print(
        Panel(
            f"[bold]Virtual:[/] the microphone ({why}). PulseAudio plays a recording into a null "
            "sink, whose monitor is the default device. The bus is private.\n"
            "[bold]Real:[/] the voice, and everything after the microphone: sounddevice, the "
            "complete daemon with its models, and the client on D-Bus.\n"
            f"[bold]The recording:[/] {escape(spliced)}",
            title="Auricle",
        )
    )
    reasons = []
    with ExitStack() as testbed:
        bus = testbed.enter_context(PrivateBus()).address
        microphone = testbed.enter_context(VirtualMicrophone())
        with console.status("starting the daemon"):
            testbed.enter_context(RunningDaemon(bus, environment=microphone.environment))
        for script in scripts:
            console.print(
                f"\n[bold]{script.path.name}[/]: {escape(script.what)}\n"
                "[dim]seconds in the recording, event, data received by the D-Bus client[/]"
            )
            speak = microphone.start_speaking
            shown = asyncio.run(perform(script, bus, speak, partial(show, console)))
            if shown.end == "final":
                console.print(summary(script, shown))
            else:
                reasons.append(f"{script.path.name}: {reason_of(script, shown)}")
    for reason in reasons:
        console.print(f"[bold red]No final result.[/] {escape(reason)}")
    return FAILED if reasons else 0


def show(console: Console, name: str, time: float, fields: Fields) -> None:
    """Print an event of a session on one line; skip `settled`."""
    match name:
        case "settled":
            return
        case "wake":
            told = f"{fields['wake_word']}, score {fields['score']:.2f}"
        case "final":
            told = f"{fields['text']} ({fields['reason']})"
        case "error":
            told = f"{fields['error']}: {fields['message']}"
        case _:
            told = str(fields.get("text", fields.get("reason", "")))
    console.print(Text(f"{time:8.2f}  {name:12} {told}".rstrip(), STYLES.get(name, "")))


def summary(script: Script, shown: Performance) -> Table:
    """Return the result of a recording as a table."""
    table = Table.grid(padding=(0, 2))
    table.add_row("", "said", Text(script.text))
    table.add_row("", "heard", Text(shown.text, "bold"))
    for text, score in shown.nbest[1:]:
        table.add_row("", "or", Text(f"{text} ({score:+.1f})", "dim"))
    table.add_row("", "lattice", Text(size_of(shown.lattice)))
    table.add_row("", "latency", Text(f"from the end of speech at {script.speech_end:.2f} s:"))
    for name, time in (("speculative", shown.speculative), ("final", shown.final)):
        if time is not None:
            told = f"{1000 * (time - script.speech_end):.0f} ms to the {name} result"
            table.add_row("", "", Text(told))
    return table


def size_of(lattice: str) -> str:
    """Return the size of a JSON lattice as text."""
    read = from_json(lattice)
    return f"{len(lattice.encode())} bytes of JSON, {len(read.arcs)} arcs, {read.states} states"


def reason_of(script: Script, shown: Performance) -> str:
    """Return the reason for a missing final result."""
    if not shown.woken:
        return f"the wake word {script.wake_word} was not detected."
    if not shown.end:
        return "the session did not end in time."
    return f"the session ended with {shown.end}: {shown.reason}."


def find_recordings() -> Path:
    """Return the folder of the bundled recordings; raises ModelError if it is missing."""
    for folder in model_folders():
        if (folder / "demo" / "manifest.yaml").is_file():
            return folder / "demo"
    raise ModelError("the recordings models/demo are missing; get them with the source tree")


if __name__ == "__main__":
    sys.exit(main())
