"""Measure how long hostile D-Bus messages of another user delay the other clients of the daemon.

In: nothing; it needs root, so that the hostile client can be another user. Out: a table with one
row for each case: the bytes sent, how long the longest call of `Get` took for another client of the
daemon, how long the longest call of the D-Bus daemon itself took meanwhile (it forwards and checks
every message, so nothing can be faster), and the peak memory of the process. The first row is
without a hostile client.

    PYTHONPATH=daemon:tools python -m benchmarks.hostile_bus [--megabytes 24]
"""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

from auricle.assistant import Activity, ListenOptions, Status
from auricle.bus.server import BusServer
from auricle.client.client import AssistantClient
from auricle.compute.governor import Governor
from auricle.config.schema import PrivacySettings
from auricle.context.registry import ContextRegistry
from auricle.context.store import Store
from auricle.ducking.ducker import Ducker
from auricle.ducking.policy import DuckingMode, Policy
from auricle.ducking.saved_volumes import SavedVolumes
from auricle.events import CancelReason
from auricle.privacy.guard import Guard, Places
from testbed.private_bus import PrivateBus
from testbed.raw_bus import (
    ARRAYS,
    NO_REPLY,
    PROPERTIES,
    RawClient,
    call_auricle,
    hostile_array,
    nested_variants,
)

NOBODY = 65534
ASSISTANT = "org.auricle.Assistant1"
CONTEXT = "org.auricle.Context1"
FLOOD_SECONDS = 3.0
SETTLE_SECONDS = 0.5


@dataclass(frozen=True, slots=True)
class Case:
    """A hostile client: what it sends, again and again for `seconds`."""

    name: str
    message: bytes
    seconds: float = 0.0  # 0: once


class QuietAssistant:
    """A daemon without sound, with real parts behind the bus."""

    def __init__(self, folder: Path) -> None:
        """Keep files in `folder`."""
        self.contexts = ContextRegistry(Store(folder / "context"), self._ignore, print)
        self.privacy = Guard(
            PrivacySettings(),
            Places(folder / "privacy", folder / "relay" / "lattices", {os.getuid()}),
            "en",
            lambda: None,
            print,
            self.contexts.erase,
        )
        self.compute = Governor("auto", lambda level, why: None)
        self.music = Ducker(
            (), Policy(DuckingMode.DUCK, 20.0), 0.0, SavedVolumes(folder / "d.json"), print, print
        )

    async def _ignore(self, context: object) -> None:
        pass

    def status(self) -> Status:
        """Return a state that never changes."""
        return Status(Activity.IDLE, False, ("alexa",), "en")

    async def listen(self, owner: str, options: ListenOptions) -> str:
        """Return a session that does not exist."""
        return "s1"

    async def cancel(self, session: str, reason: CancelReason) -> None:
        """Do nothing."""

    async def set_muted(self, muted: bool) -> None:
        """Do nothing."""


async def serve(address: str) -> None:
    """Serve the quiet daemon until the process is killed."""
    with tempfile.TemporaryDirectory() as folder:
        server = await BusServer.start(QuietAssistant(Path(folder)), address)
        print("ready", flush=True)
        await server.wait_until_lost()


def cases(size: int) -> Iterator[Case]:
    """Yield the hostile clients; large messages have `size` bytes."""
    yield Case("Set Muted, nested variants", _set_muted(size))
    for signature in ARRAYS:
        body = hostile_array(signature, size)
        yield Case(f"Listen, {signature}", call_auricle(2, ASSISTANT, "Listen", signature, body))
    strings = hostile_array("as", size)
    yield Case("Set names, as", call_auricle(2, CONTEXT, "Set", "as", strings))
    variants = call_auricle(2, ASSISTANT, "Listen", "a{sv}", bytes(4) + bytes(4))
    yield Case("flood of Listen", variants, FLOOD_SECONDS)
    silent = call_auricle(2, ASSISTANT, "Sing", "", b"", NO_REPLY)
    yield Case("flood of unknown methods, no reply", silent, FLOOD_SECONDS)
    ping = call_auricle(2, "org.freedesktop.DBus.Peer", "GetMachineId", "", b"")
    yield Case("flood of GetMachineId", ping, FLOOD_SECONDS)


def _set_muted(size: int) -> bytes:
    return call_auricle(2, PROPERTIES, "Set", "ssv", nested_variants(size))


def send_as_nobody(address: str, case: Case) -> int:
    """Fork a process that sends the case as another user; return its process id."""
    child = os.fork()
    if child:
        return child
    os.setuid(NOBODY)
    try:
        with RawClient(address) as client:
            client.socket.setblocking(False)
            end = time.monotonic() + case.seconds
            loop(client, case.message * (200 if case.seconds else 1), end)
            if not case.seconds:
                time.sleep(SETTLE_SECONDS)
    finally:
        os._exit(0)


def loop(client: RawClient, data: bytes, end: float) -> None:
    """Send `data` at least once and until `end`, and throw the replies away."""
    rest = memoryview(data)
    while rest or time.monotonic() < end:
        rest = rest or memoryview(data)
        try:
            rest = rest[client.socket.send(rest) :]
        except BlockingIOError:
            time.sleep(0.0005)
        with contextlib.suppress(BlockingIOError):
            client.socket.recv(1 << 20)


async def longest(call: Callable[[], object], done: asyncio.Event) -> float:
    """Return the longest duration of a repeated call, in seconds."""
    worst = 0.0
    while not done.is_set():
        before = time.monotonic()
        await call()
        worst = max(worst, time.monotonic() - before)
        await asyncio.sleep(0.002)
    return worst


async def measure(address: str, daemon: int, case: Case | None) -> str:
    """Return a row of the table."""
    Path(f"/proc/{daemon}/clear_refs").write_text("5")  # resets the peak
    async with AssistantClient(address) as client, AssistantClient(address) as other:
        done = asyncio.Event()
        watching = [
            asyncio.ensure_future(longest(client.status, done)),
            asyncio.ensure_future(longest(lambda: other._connection.ask_daemon("GetId", ""), done)),
        ]
        if case is None:
            await asyncio.sleep(FLOOD_SECONDS)
        else:
            child = send_as_nobody(address, case)
            await asyncio.to_thread(os.waitpid, child, 0)
            await client.status()
        await asyncio.sleep(SETTLE_SECONDS)
        done.set()
        of_daemon, of_bus = await asyncio.gather(*watching)
    peak = next(
        int(line.split()[1]) // 1024
        for line in Path(f"/proc/{daemon}/status").read_text().splitlines()
        if line.startswith("VmHWM")
    )
    name, size = (case.name, len(case.message)) if case else ("no hostile client", 0)
    return f"{name:36} {size:>11,} {1000 * of_daemon:>9.1f} {1000 * of_bus:>9.1f} {peak:>8}"


def main() -> int:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--megabytes", type=float, default=24.0, help="size of large messages")
    parser.add_argument("--serve", metavar="ADDRESS", help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    if arguments.serve:
        asyncio.run(serve(arguments.serve))
        return 0
    if os.geteuid() != 0:
        print("run it as root, so that the hostile client can be another user", file=sys.stderr)
        return 1
    with PrivateBus() as bus:
        os.chmod(Path(bus.address.partition("path=")[2].partition(",")[0]).parent, 0o755)
        daemon = subprocess.Popen(
            [sys.executable, "-m", "benchmarks.hostile_bus", "--serve", bus.address],
            stdout=subprocess.PIPE,
        )
        assert daemon.stdout is not None
        daemon.stdout.readline()
        print(f"{'case':36} {'bytes':>11} {'Get, ms':>9} {'bus, ms':>9} {'peak, MB':>8}")
        for case in (None, *cases(int(arguments.megabytes * 1024 * 1024))):
            print(asyncio.run(measure(bus.address, daemon.pid, case)), flush=True)
        daemon.kill()
        daemon.wait()
    return 0


if __name__ == "__main__":
    sys.exit(main())
