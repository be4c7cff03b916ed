"""Kills a daemon at random moments; what it has acknowledged must be there after the next start.

In: a bus, a folder for the state. Out: for each kill, whether kept names were lost, files were
damaged, or the volume of a player stayed lowered.
"""

from __future__ import annotations

import asyncio
import contextlib
import random
import shutil
import signal
import time
from collections import Counter
from contextlib import ExitStack
from dataclasses import dataclass, field
from pathlib import Path

from dbus_next.message import Message

from auricle.client.client import AssistantClient
from auricle.context.entries import Entry
from auricle.context.store import Store
from auricle.dbus.connection import Connection
from auricle.dbus.names import PROPERTIES_INTERFACE
from auricle.errors import AuricleError
from testbed.player import MPRIS_SCRIPT, Player
from testbed.private_bus import PrivateBus
from testbed.running_daemon import RunningDaemon

CONFIG = "wake: {enabled: false}\nmusic: {backends: [mpris], linger_ms: 0}\n"
LONGEST_SECONDS = 1.5  # until a kill
RESTORE_SECONDS = 15.0  # until the volume must be back
VOLUME = 0.7
PLAYER = "org.mpris.MediaPlayer2.mpv"


@dataclass(slots=True)
class Kills:
    """What the kills did."""

    kills: int = 0
    acknowledged: int = 0  # changes of kept names
    ducked: int = 0  # kills while the player was lowered
    faults: Counter[str] = field(default_factory=Counter)


def can_play() -> bool:
    """Return whether the player is installed."""
    return bool(shutil.which("mpv")) and MPRIS_SCRIPT.exists()


def kill_often(kills: int, folder: Path, seed: int) -> Kills:
    """Start, use and kill the daemon `kills` times, then start it once more."""
    done, choose = Kills(), random.Random(seed)
    state = folder / "state"
    with ExitStack() as stack:
        bus = stack.enter_context(PrivateBus())
        plays = can_play()
        if plays:
            arguments = (f"--volume={100 * VOLUME:.0f}",)
            player = Player(bus.environment, audio="null", arguments=arguments)
            stack.enter_context(player)
        asyncio.run(_kill_often(kills, bus.address, state, done, choose, plays))
    return done


async def _kill_often(
    kills: int, bus: str, state: Path, done: Kills, choose: random.Random, plays: bool
) -> None:
    kept: dict[str, str] = {}  # acknowledged names of the source, by name
    for turn in range(kills + 1):
        daemon = RunningDaemon(bus, CONFIG, environment={"STATE_DIRECTORY": str(state)})
        try:
            with daemon:
                await _check(bus, state, done, kept, plays)
                if turn == kills:
                    return
                await _use_and_kill(daemon, bus, done, choose, kept)
                if plays and await volume(bus) < VOLUME - 0.01:
                    done.ducked += 1
        finally:
            if "Traceback" in daemon.log or "context-damaged" in daemon.log:
                done.faults["damage in the journal"] += 1
        done.kills += 1


async def _use_and_kill(
    daemon: RunningDaemon, bus: str, done: Kills, choose: random.Random, kept: dict[str, str]
) -> None:
    """Change names and duck until the daemon is killed at a random moment."""

    async def kill() -> None:
        await asyncio.sleep(choose.uniform(0.0, LONGEST_SECONDS))
        daemon.signal(signal.SIGKILL)

    killing = asyncio.create_task(kill())
    with contextlib.suppress(AuricleError):
        async with AssistantClient(bus) as client, asyncio.timeout(LONGEST_SECONDS + 10.0):
            while not killing.done():
                await _change(client, done, choose, kept)
    await killing
    daemon.wait()


async def _change(
    client: AssistantClient, done: Kills, choose: random.Random, kept: dict[str, str]
) -> None:
    """Change the kept names, and note what may be there: the old state, the new one, or both."""
    with contextlib.suppress(AuricleError):  # a client may hold only so many leases
        await client.duck(choose.uniform(0.05, 2.0))
    name = f"Name {choose.randrange(10**9)}"
    if kept and choose.random() < 0.3:
        removed = choose.choice([*kept])
        kept[removed] = "maybe"
        await client.remove_context("contacts", [removed], source="mine")
        del kept[removed]
    else:
        kept[name] = "maybe"
        await client.add_context("contacts", [Entry("contacts", name)], source="mine")
        kept[name] = "sure"
    done.acknowledged += 1


async def _check(bus: str, state: Path, done: Kills, kept: dict[str, str], plays: bool) -> None:
    """Compare the state after a start with what was acknowledged."""
    sets, damaged = await asyncio.to_thread(Store(state / "context").load)
    if damaged or any(state.rglob("*.damaged")):
        done.faults["damaged files"] += 1
    found = {
        entry.written
        for source, entry_set in sets.items()
        if source.name == "mine"
        for entries in entry_set.kinds.values()
        for entry in entries
    }
    sure = {name for name, state_of in kept.items() if state_of == "sure"}
    if not sure <= found:
        done.faults["acknowledged names lost"] += len(sure - found)
    if not found <= set(kept):
        done.faults["removed names came back"] += len(found - set(kept))
    kept.clear()
    kept.update(dict.fromkeys(found, "sure"))
    async with AssistantClient(bus) as client:
        counted = (await client.count_context(source="mine")).get("contacts", 0)
        if counted != len(found):
            done.faults["the daemon counts other names than its file"] += 1
    if plays and not await _is_restored(bus):
        done.faults["volume not restored"] += 1


async def _is_restored(bus: str) -> bool:
    """Wait until the player has its volume back; return False if that takes too long."""
    deadline = time.monotonic() + RESTORE_SECONDS
    while time.monotonic() < deadline:
        if abs(await volume(bus) - VOLUME) < 0.01:
            return True
        await asyncio.sleep(0.05)
    return False


async def volume(bus: str) -> float:
    """Return the volume of the player, from 0 to 1; -1 if the player is not on the bus."""
    connection = await Connection.open(bus)
    try:
        reply = await connection.ask(
            Message(
                destination=PLAYER,
                path="/org/mpris/MediaPlayer2",
                interface=PROPERTIES_INTERFACE,
                member="Get",
                signature="ss",
                body=["org.mpris.MediaPlayer2.Player", "Volume"],
            )
        )
        return float(reply.body[0].value)
    except AuricleError:
        return -1.0
    finally:
        await connection.close()
