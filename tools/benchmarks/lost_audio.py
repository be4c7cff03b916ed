"""Measure the audio that the daemon loses while the machine is busy.

In: this checkout, and the test recordings. Out: for each load a line with the audio frames (10 ms)
that the inbox dropped, the overruns of the device, and the audio that is missing on the daemon's
clock: the time that has passed, less the audio that it has processed. The real daemon runs in its
own process, on a private bus and a private sound server that plays speech throughout. A client runs
one session after the other. When the load ends, the daemon gets time to catch up.

- `loops`: processes that compute without pause;
- `clients`: clients on the bus that call a method without pause, in a few processes.

`PYTHONPATH=tools python -m benchmarks.lost_audio --seconds 60 --loops 4 --clients 50`.
"""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import re
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import soundfile

from auricle.audio.file import read_recording
from auricle.audio.format import FRAME_SECONDS, SAMPLE_RATE
from auricle.client.client import AssistantClient
from auricle.errors import AuricleError
from testbed.private_bus import PrivateBus
from testbed.recordings import load_recordings
from testbed.running_daemon import RunningDaemon
from testbed.virtual_microphone import VirtualMicrophone

RECORDINGS = Path(__file__).parents[2] / "tests" / "recordings"
TALK = ("must_sleep", "slightest_idea", "why_are_you_here", "big_news", "momentum_gained")
PAUSE_SECONDS = 1.5  # between two sentences
SETTLE_SECONDS = 3.0  # between the start and the load
CATCH_UP_SECONDS = 60.0  # at most, after the load
CALLERS = 5  # processes that share the clients
CONFIG = "arbiter: {level: auto}\n"
LOSSES = {"overruns": r"device overruns: (\d+)", "dropped": r"frames dropped: (\d+)"}


@dataclass(frozen=True)
class Load:
    """What keeps the machine busy."""

    loops: int = 0
    clients: int = 0

    def __str__(self) -> str:
        """Return it as a table shows it."""
        parts = [f"{self.loops} loops"] * bool(self.loops)
        parts += [f"{self.clients} clients"] * bool(self.clients)
        return ", ".join(parts) or "idle"


@contextmanager
def busy(load: Load, bus: str) -> Iterator[None]:
    """Keep the machine busy during the `with` block."""
    commands = [[sys.executable, "-c", "while True: pass"]] * load.loops
    for number in range(CALLERS if load.clients else 0):
        some = len(range(number, load.clients, CALLERS))
        flood = ["--flood", bus, "--clients", str(some)]
        commands.append([sys.executable, "-m", "benchmarks.lost_audio", *flood])
    running = [subprocess.Popen(command) for command in commands]
    try:
        yield
    finally:
        for process in running:
            process.kill()
            process.wait()


async def flood(bus: str, clients: int) -> None:
    """Call the daemon from many clients without pause."""

    async def call() -> None:
        while True:
            with contextlib.suppress(AuricleError, OSError, TimeoutError):
                async with AssistantClient(bus) as client:
                    while True:
                        await client.status()

    await asyncio.gather(*(call() for _ in range(clients)))


class Watcher:
    """A client that follows the audio clock, and one that runs sessions."""

    def __init__(self) -> None:
        self.clock = 0.0  # seconds on the audio clock, by the last level
        self.at = 0.0  # time.monotonic of that level
        self.ends: list[str] = []  # how the sessions ended

    async def follow(self, bus: str) -> None:
        """Follow the audio clock."""
        async with AssistantClient(bus) as client:
            await client.start_monitor()
            async for name, fields in client.events():
                if name == "level":
                    self.clock, self.at = float(str(fields["time"])), time.monotonic()

    async def listen(self, bus: str) -> None:
        """Run sessions, one after the other."""
        async with AssistantClient(bus) as client:
            while True:
                try:
                    await client.listen(maximum_seconds=15.0)
                except (AuricleError, TimeoutError):
                    await asyncio.sleep(0.5)
                    continue
                async for name, _ in client.events():
                    if name in {"final", "cancelled", "error"}:
                        self.ends.append(name)
                        break

    async def caught_up(self, at: float, clock: float) -> float:
        """Wait until the audio clock keeps pace; return the audio that is missing, in seconds.

        Args:
            at: time.monotonic of a level before the load.
            clock: seconds on the audio clock at that level.
        """
        missing: list[float] = []
        deadline = time.monotonic() + CATCH_UP_SECONDS
        while time.monotonic() < deadline:
            await asyncio.sleep(2.0)
            missing.append((self.at - at) - (self.clock - clock))
            if len(missing) > 2 and max(missing[-3:]) - min(missing[-3:]) < 0.1:
                break
        return missing[-1]


async def measure(load: Load, bus: str, seconds: float) -> tuple[float, list[str]]:
    """Return the missing audio in seconds, and how the sessions ended."""
    watcher = Watcher()
    tasks = [asyncio.create_task(watcher.follow(bus)), asyncio.create_task(watcher.listen(bus))]
    await asyncio.sleep(SETTLE_SECONDS)
    at, clock = watcher.at, watcher.clock
    with busy(load, bus):
        await asyncio.sleep(seconds)
    missing = await watcher.caught_up(at, clock)
    for task in tasks:
        task.cancel()
    await asyncio.gather(*tasks, return_exceptions=True)
    return missing, watcher.ends


def losses(daemon: RunningDaemon) -> dict[str, int]:
    """Return the losses that the daemon has reported in its status line."""
    lines = [message.get("STATUS", "") for message in daemon.drain()]
    found = {name: 0 for name in LOSSES}
    for line in lines:
        for name, pattern in LOSSES.items():
            if match := re.search(pattern, line):
                found[name] = int(match[1])
    return found


def talk(file: Path, seconds: float) -> None:
    """Write a recording of sentences with pauses."""
    recordings = load_recordings(RECORDINGS)
    pause = np.zeros(round(PAUSE_SECONDS * SAMPLE_RATE), np.int16)
    sounds = [part for name in TALK for part in (read_recording(recordings[name].path), pause)]
    soundfile.write(file, np.resize(np.concatenate(sounds), round(seconds * SAMPLE_RATE)), 16_000)


def main() -> None:
    """Print a line for each load."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--seconds", type=float, default=60.0, help="length of each load")
    parser.add_argument("--loops", type=int, default=4, help="processes that compute")
    parser.add_argument("--clients", type=int, default=50, help="clients that call")
    parser.add_argument("--flood", metavar="BUS", help="only flood a bus")
    arguments = parser.parse_args()
    if arguments.flood:
        asyncio.run(flood(arguments.flood, arguments.clients))
    loads = (Load(), Load(loops=arguments.loops), Load(clients=arguments.clients))
    print("| load | frames dropped | device overruns | missing, frames | sessions |")
    print("| --- | --- | --- | --- | --- |")
    for load in loads:
        with tempfile.TemporaryDirectory() as folder, ExitStack() as testbed:
            file = Path(folder) / "talk.wav"
            talk(file, SETTLE_SECONDS + arguments.seconds + CATCH_UP_SECONDS + 10)
            microphone = testbed.enter_context(VirtualMicrophone())
            bus = testbed.enter_context(PrivateBus())
            daemon = testbed.enter_context(
                RunningDaemon(bus.address, CONFIG, environment=microphone.environment)
            )
            player = microphone.start_speaking(file)
            missing, ends = asyncio.run(measure(load, bus.address, arguments.seconds))
            player.kill()
            player.wait()
            lost = losses(daemon)
            frames = round(missing / FRAME_SECONDS)
            print(
                f"| {load} | {lost['dropped']} | {lost['overruns']} | {frames} | "
                f"{ends.count('final')} of {len(ends)} final |",
                flush=True,
            )


if __name__ == "__main__":
    main()
