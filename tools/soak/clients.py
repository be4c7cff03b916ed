"""The six kinds of clients of a soak. Each runs until it is cancelled.

In: the address of a bus with a daemon. Out: counts of what they did, and of faults: unexpected
errors, sessions that end twice.
"""

from __future__ import annotations

import asyncio
import random
from collections import Counter
from collections.abc import Callable, Coroutine, Iterator
from contextlib import contextmanager

from auricle.client.client import AssistantClient
from auricle.context.entries import Entry
from auricle.errors import (
    AuricleError,
    BusError,
    BusyError,
    DeviceError,
    MutedError,
    NoResultError,
    NoSuchSessionError,
    NotAuthorizedError,
)

ENDS = ("final", "cancelled", "error")
# What a client must expect: others listen, mute and cancel at the same time.
EXPECTED = (
    BusyError,
    DeviceError,
    MutedError,
    NoResultError,
    NoSuchSessionError,
    NotAuthorizedError,
)
SYLLABLES = ("ma", "ri", "so", "ten", "la", "vo", "ki", "del", "na", "bru", "hel", "ga", "pi")
KINDS = ("contacts", "appliances", "media")
MOST_NAMES = 300
FLOOD = 40  # calls at once
RESTART_SECONDS = 1.0
ANSWER_SECONDS = 60.0  # after this long without an event, a client asks again


class Tally:
    """Counts what the clients did and saw."""

    def __init__(self) -> None:
        """Start at zero."""
        self.counts: Counter[str] = Counter()
        self.faults: Counter[str] = Counter()  # what must not happen
        self.running: set[str] = set()  # sessions that the staying subscriber saw begin

    @contextmanager
    def expecting(self) -> Iterator[None]:
        """Count expected errors as refusals, and all others as faults."""
        try:
            yield
        except EXPECTED as error:
            self.counts[f"refused: {error.name}"] += 1
        except AuricleError as error:
            self.faults[f"{type(error).__name__}: {error}"] += 1

    def take(self, answer: object) -> None:
        """Count the answer to a call of a flood, which may be beyond the budget of the caller."""
        if not isinstance(answer, BaseException):
            self.counts["property reads"] += 1
        elif isinstance(answer, BusError) and "too many calls" in str(answer):
            self.counts["refused: too many calls"] += 1
        else:
            self.faults[f"{type(answer).__name__}: {answer}"] += 1

    def follow(self, name: str, session: str) -> None:
        """Follow a session, and count a second end as a fault."""
        if name == "wake":
            self.counts["sessions"] += 1
            self.running.add(session)
        elif name in ENDS:
            self.counts[name] += 1
            if session not in self.running:
                self.faults["end of a session that does not run"] += 1
            self.running.discard(session)


async def again_and_again(client: Callable[[], Coroutine[None, None, None]], tally: Tally) -> None:
    """Run a client; when an error ends it, count a fault and start it again."""
    while True:
        try:
            await client()
        except AuricleError as error:
            tally.faults[f"a client was cut off: {type(error).__name__}: {error}"] += 1
        await asyncio.sleep(RESTART_SECONDS)


async def stays(bus: str, tally: Tally) -> None:
    """Subscribe once, follow all sessions, and fetch their results."""
    tally.running.clear()
    async with AssistantClient(bus) as client:
        await client.subscribe()
        async for name, fields in client.events():
            if client.dropped:
                tally.faults["events dropped"] = client.dropped
            session = str(fields.get("session", ""))
            if not session:
                continue
            tally.follow(name, session)
            if name == "final":
                tally.counts["results with text"] += bool(fields["text"])
                with tally.expecting():
                    await client.nbest(session, 5)
                    await client.lattice(session)


async def comes_and_goes(bus: str, tally: Tally) -> None:
    """Connect, subscribe, duck or monitor, and disconnect without ending anything."""
    choose = random.Random(2)
    while True:
        async with AssistantClient(bus) as client:
            with tally.expecting():
                await client.subscribe(choose.choice((None, ["alexa"])))
                if choose.random() < 0.2:
                    await client.start_monitor()
                if choose.random() < 0.3:
                    await client.duck(choose.uniform(0.2, 5.0))
            await asyncio.sleep(choose.uniform(0.05, 0.5))
        tally.counts["clients that left"] += 1
        await asyncio.sleep(choose.uniform(0.2, 2.0))


async def names(bus: str, tally: Tally) -> None:
    """Set, add, remove and clear names, both of the client and of stored sources."""
    choose = random.Random(3)
    while True:
        async with AssistantClient(bus) as client:
            for _ in range(10):
                kind, source = choose.choice(KINDS), choose.choice((None, "mine", "others"))
                made = [make_entry(kind, choose) for _ in range(choose.randint(1, MOST_NAMES))]
                with tally.expecting():
                    await client.set_context(kind, made, source=source)
                    tally.counts["names set"] += len(made)
                    await client.add_context(kind, [make_entry(kind, choose)], source=source)
                    written = [entry.written for entry in made[::2]]
                    await client.remove_context(kind, written, source=source)
                    if choose.random() < 0.3:
                        await client.clear_context(source=source)
                await asyncio.sleep(choose.uniform(1.0, 4.0))


def make_entry(kind: str, choose: random.Random) -> Entry:
    """Return an entry with a name of made-up words."""
    words = ["".join(choose.choices(SYLLABLES, k=choose.randint(1, 3))) for _ in range(2)]
    return Entry(kind, " ".join(words).title())


async def listens(bus: str, tally: Tally) -> None:
    """Begin sessions, cancel half of them, and wait for the end of the others."""
    choose = random.Random(4)
    async with AssistantClient(bus) as client:
        while True:
            with tally.expecting():
                session = await client.listen(no_speech_seconds=choose.uniform(0.5, 5.0))
                tally.counts["sessions of a client"] += 1
                if choose.random() < 0.5:
                    await asyncio.sleep(choose.uniform(0.0, 0.1))
                    await client.cancel(session)
                await end_of(client, session, tally)
            await asyncio.sleep(choose.uniform(0.5, 2.0))


async def end_of(client: AssistantClient, session: str, tally: Tally) -> None:
    """Wait for the end of a session; without one it is a fault."""
    try:
        async with asyncio.timeout(ANSWER_SECONDS):
            async for name, fields in client.events():
                if name in ENDS and fields["session"] == session:
                    return
    except TimeoutError:
        tally.faults["session without an end"] += 1


async def floods(bus: str, tally: Tally) -> None:
    """Read all properties, many times at once."""
    choose = random.Random(5)
    async with AssistantClient(bus) as client:
        reads = (client.status, client.arbiter, client.privacy, client.context_counts)
        while True:
            asked = (choose.choice(reads)() for _ in range(FLOOD))
            for answer in await asyncio.gather(*asked, return_exceptions=True):
                tally.take(answer)
            await asyncio.sleep(choose.uniform(0.5, 1.5))


async def owner(bus: str, tally: Tally, reload: Callable[[int], None]) -> None:
    """Mute and unmute, switch the privacy mode, and change and reload the configuration.

    Args:
        bus: address of the bus.
        tally: counts.
        reload: gives the daemon its nth configuration.
    """
    choose = random.Random(6)
    async with AssistantClient(bus) as client:
        for turn in range(10**9):
            with tally.expecting():
                await client.set_privacy(("lattice", "local")[turn % 2])
            if turn % 2 == 0:
                with tally.expecting():
                    await client.set_muted(True)
                await asyncio.sleep(choose.uniform(0.0, 0.3))
                with tally.expecting():
                    await client.set_muted(False)
                    tally.counts["mutes"] += 1
            if turn % 8 == 7:
                reload(turn // 8 + 1)
                tally.counts["reloads"] += 1
            await asyncio.sleep(choose.uniform(2.0, 6.0))
