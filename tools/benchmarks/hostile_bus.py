"""Measure how long hostile D-Bus messages of another user delay the other clients of the daemon.

In: nothing; it needs root, so that the hostile client can be another user. Out: a table with one
row for each case:

    bytes    size of the message that is sent once, or again and again for three seconds
    Get      longest call of GetAll for another client of the daemon, in milliseconds
    bus      longest call of the D-Bus daemon itself meanwhile; it forwards and checks every
             message, so no service can answer faster
    CPU      processor time of Auricle for the case, in milliseconds, without the time for the
             calls of the other client as measured in the first row; it hardly depends on the load
             of the machine
    peak     peak memory of Auricle, in MB

The first row is without a hostile client, the last one is a member with 20,000 names.

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
from typing import Self

from dbus_next._private.marshaller import Marshaller

from auricle.bus.server import BusServer
from auricle.client.client import AssistantClient
from auricle.dbus.connection import Connection
from testbed.private_bus import PrivateBus
from testbed.process_cost import process_cost
from testbed.quiet_assistant import QuietAssistant
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
PEER = "org.freedesktop.DBus.Peer"
FLOOD_SECONDS = 3.0
FLOOD_BATCH = 2000  # calls
SETTLE_SECONDS = 0.5


@dataclass(frozen=True, slots=True)
class Case:
    """A hostile client: what it sends, again and again for `seconds`."""

    name: str
    message: bytes
    seconds: float = 0.0  # 0: once
    user: int = NOBODY


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
    names = call_auricle(2, CONTEXT, "Set", "as", hostile_array("as", size))
    yield Case("Context1.Set, as", names)
    options = bytes(8)  # an empty dictionary
    for name, interface, member, signature, body, flags in (
        ("Listen", ASSISTANT, "Listen", "a{sv}", options, 0),
        ("GetMachineId", PEER, "GetMachineId", "", b"", 0),
        ("Listen, no reply", ASSISTANT, "Listen", "a{sv}", options, NO_REPLY),
        ("unknown methods, no reply", ASSISTANT, "Sing", "", b"", NO_REPLY),
    ):
        calls = (
            call_auricle(serial, interface, member, signature, body, flags)
            for serial in range(2, 2 + FLOOD_BATCH)
        )
        yield Case(f"flood of {name}", b"".join(calls), FLOOD_SECONDS)
    yield Case("member: 20,000 names", twenty_thousand_names(), 0.0, os.geteuid())


def twenty_thousand_names() -> bytes:
    """Return a call of Context1.Set with as many names as one client may have."""
    people = [[f"somebody number {number}", ["a name"], 1.0, ""] for number in range(20_000)]
    body = Marshaller("sa(sasds)a{sv}", ["contacts", people, {}])
    body.marshall()
    return call_auricle(2, CONTEXT, "Set", "sa(sasds)a{sv}", bytes(body.buffer))


def _set_muted(size: int) -> bytes:
    return call_auricle(2, PROPERTIES, "Set", "ssv", nested_variants(size))


def send_in_child(address: str, case: Case) -> int:
    """Fork a process that sends the case as its user; return its process id."""
    child = os.fork()
    if child:
        return child
    os.setuid(case.user)
    try:
        with RawClient(address) as client:
            client.socket.setblocking(False)
            end = time.monotonic() + case.seconds
            send_until(client, case.message, end)
            if not case.seconds:
                client.socket.setblocking(True)
                client.reply_to(2)
    finally:
        os._exit(0)


def send_until(client: RawClient, data: bytes, end: float) -> None:
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


async def longest(call: Callable[[], object], done: asyncio.Event) -> tuple[float, int]:
    """Return the longest duration of a repeated call, in seconds, and the number of calls."""
    worst, count = 0.0, 0
    while not done.is_set():
        before = time.monotonic()
        await call()
        worst, count = max(worst, time.monotonic() - before), count + 1
        await asyncio.sleep(0.002)
    return worst, count


async def measure(address: str, daemon: int, case: Case | None, each: float) -> tuple[str, float]:
    """Return a row of the table, and the CPU seconds of the daemon per call of the other client.

    Args:
        address: the bus.
        daemon: process id of the daemon.
        case: the hostile client, if any.
        each: CPU seconds of the daemon per call without a hostile client.
    """
    Path(f"/proc/{daemon}/clear_refs").write_text("5")  # resets the peak
    before = process_cost(daemon).cpu_seconds
    async with AssistantClient(address) as client, Watcher(address) as watcher:
        done = asyncio.Event()
        watching = [
            asyncio.ensure_future(longest(client.status, done)),
            asyncio.ensure_future(longest(watcher.ask_bus, done)),
        ]
        if case is None:
            await asyncio.sleep(FLOOD_SECONDS)
        else:
            child = send_in_child(address, case)
            await asyncio.to_thread(os.waitpid, child, 0)
            await client.status()
        await asyncio.sleep(SETTLE_SECONDS)
        done.set()
        (of_daemon, calls), (of_bus, _) = await asyncio.gather(*watching)
    cost = process_cost(daemon)
    used = cost.cpu_seconds - before
    name, size = (case.name, len(case.message)) if case else ("no hostile client", 0)
    more = max(0.0, used - each * calls)
    row = f"{name:36} {size:>11,} {1000 * of_daemon:>9.1f} {1000 * of_bus:>9.1f}"
    return f"{row} {1000 * more:>8.0f} {cost.peak:>8.0f}", used / calls


class Watcher:
    """A client that calls the D-Bus daemon itself."""

    def __init__(self, address: str) -> None:
        """Prepare; entering the context connects."""
        self._address = address

    async def __aenter__(self) -> Self:
        """Connect."""
        self._connection = await Connection.open(self._address)
        return self

    async def __aexit__(self, *_: object) -> None:
        """Disconnect."""
        await self._connection.close()

    async def ask_bus(self) -> None:
        """Call a method of the D-Bus daemon."""
        await self._connection.ask_daemon("GetId", "")


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
        heads = f"{'Get, ms':>9} {'bus, ms':>9} {'CPU, ms':>8} {'peak, MB':>8}"
        print(f"{'case':36} {'bytes':>11} {heads}")
        each = 0.0
        for case in (None, *cases(int(arguments.megabytes * 1024 * 1024))):
            row, found = asyncio.run(measure(bus.address, daemon.pid, case, each))
            each = found if case is None else each
            print(row, flush=True)
        daemon.kill()
        daemon.wait()
    return 0


if __name__ == "__main__":
    sys.exit(main())
