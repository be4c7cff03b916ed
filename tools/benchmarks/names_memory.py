"""Measure memory and time of long lists of names, in a real daemon and in its recogniser.

    python -m benchmarks.names_memory [--only SCENARIO ...] [--names 100000]

Run it with tools/ and daemon/ on the path. In: made-up names of people, whose first and last names
recur as often as in a real list. Out: one line per figure. Memory is the resident set of a process
`auricle run`, whose input is a recording of noise; "settled" means that no thread of it runs or
waits for the processor for more than a third of three seconds. Scenarios:

- hundred: five clients with 20,000 names each, and the memory when they have left.
- turns: eight clients in turn with 20,000 names each.
- spoken: stored names with eight spoken forms each: how many are taken, and a restart with them.
- stages: seconds until names are usable, and until context attention knows them all.
- more: milliseconds until one more name among 10,000 is usable.
"""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import random
import tempfile
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from statistics import median

import numpy as np
import soundfile

from auricle.audio.format import SAMPLE_RATE
from auricle.bundle.manifest import load_bundle
from auricle.client.client import AssistantClient
from auricle.config.locations import find_bundle
from auricle.config.schema import RecognizerSettings
from auricle.context.entries import Context, Entry
from auricle.context.entry_list import EntryList, EntryLists
from auricle.errors import TooManyEntriesError
from auricle.recognizer.beam_search import SearchOptions
from auricle.recognizer.loading import load_recognizer
from auricle.recognizer.recognizer import Recognizer
from testbed.private_bus import PrivateBus
from testbed.process_cost import ProcessCost, process_cost
from testbed.running_daemon import RunningDaemon

SCENARIOS = ("hundred", "turns", "spoken", "stages", "more")
ONE_CLIENT = 20_000  # names per client
SYLLABLES = (
    "ka", "lo", "mi", "ra", "ten", "sho", "bri", "del", "fa", "gus", "hen", "vik", "zar", "pol",
    "nim", "tor", "wes", "quin", "dra", "el",
)  # fmt: skip
FIRST_NAMES, LAST_NAMES = 3000, 30_000
SECONDS = 600.0  # of noise
QUIET_SECONDS, SAMPLES = 3.0, 60


def people(count: int, spoken: int = 0, seed: int = 1) -> list[Entry]:
    """Return contacts with distinct names of two words, and `spoken` spoken forms each."""
    draw = random.Random(seed)
    first, last = ([_word(draw) for _ in range(size)] for size in (FIRST_NAMES, LAST_NAMES))
    names: dict[str, None] = {}
    while len(names) < count * (1 + spoken):
        names[f"{draw.choice(first)} {draw.choice(last)}"] = None
    every = list(names)
    forms = every[count:]
    return [
        Entry("contacts", name, tuple(forms[row * spoken : (row + 1) * spoken]))
        for row, name in enumerate(every[:count])
    ]


def _word(draw: random.Random) -> str:
    return "".join(draw.choices(SYLLABLES, k=draw.randint(2, 4))).capitalize()


class Process:
    """Memory and threads of the daemon."""

    def __init__(self, pid: int) -> None:
        """Watch a process."""
        self._pid = pid
        self._folder = Path(f"/proc/{pid}")

    @property
    def cost(self) -> ProcessCost:
        """What the process uses now."""
        return process_cost(self._pid)

    async def settle(self) -> float:
        """Return the seconds until no thread wants the processor most of the time.

        On a busy machine a thread that waits for the processor counts too.
        """
        began = time.monotonic()
        while True:
            wanted: Counter[str] = Counter()
            for _ in range(SAMPLES):
                await asyncio.sleep(QUIET_SECONDS / SAMPLES)
                wanted.update(self._running())
            if max(wanted.values(), default=0) < SAMPLES / 3:
                return time.monotonic() - began - QUIET_SECONDS

    def _running(self) -> Iterator[str]:
        """Yield the threads that run or wait for the processor."""
        for task in (self._folder / "task").iterdir():
            with contextlib.suppress(OSError):  # the thread has ended
                if (task / "stat").read_text().rpartition(")")[2].split()[0] == "R":
                    yield task.name


@contextmanager
def noise() -> Iterator[Path]:
    """Make a long recording of faint noise."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "noise.wav"
        draw = np.random.default_rng(1)
        with soundfile.SoundFile(path, "w", SAMPLE_RATE, 1, "PCM_16") as file:
            for _ in range(round(SECONDS)):
                file.write(draw.normal(0, 20, SAMPLE_RATE).astype(np.int16))
        yield path


def show(name: str, value: float, unit: str) -> None:
    """Print a figure."""
    print(f"{name}: {value:.1f} {unit}", flush=True)


def dropped(log: str) -> int:
    """Return how often the daemon reported lost audio."""
    return sum("sound-dropped" in line or "sound-lost" in line for line in log.splitlines())


async def hundred(address: str, process: Process, count: int) -> None:
    """Give a long list through several clients, and take it away again."""
    await process.settle()
    base = process.cost.rss
    show("ready, without names", base, "MB")
    names, clients = people(count), []
    for first in range(0, count, ONE_CLIENT):
        client = AssistantClient(address)
        clients.append(await client.__aenter__())
        began = time.monotonic()
        await client.set_context("contacts", names[first : first + ONE_CLIENT])
        show(f"call with {ONE_CLIENT} names", time.monotonic() - began, "s")
    show("after the last call, until settled", await process.settle(), "s")
    show(f"{count} names", process.cost.rss, "MB")
    show("of which proportional, without the share of other programs", process.cost.pss, "MB")
    show("most while they were prepared", process.cost.peak, "MB")
    for client in clients:
        await client.__aexit__(None, None, None)
    await process.settle()
    show("when they are gone", process.cost.rss, "MB")
    show("above the memory before", 100 * (process.cost.rss / base - 1), "%")


async def turns(address: str, process: Process) -> None:
    """Give eight lists, each by a client that leaves again."""
    await process.settle()
    base = process.cost.rss
    for turn in range(8):
        async with AssistantClient(address) as client:
            await client.set_context("contacts", people(ONE_CLIENT, seed=turn))
            await process.settle()
            show(f"client {turn + 1}", process.cost.rss, "MB")
        await process.settle()
    show("when all are gone", process.cost.rss, "MB")
    show("above the memory before", 100 * (process.cost.rss / base - 1), "%")


async def spoken(address: str, process: Process) -> None:
    """Store names with many spoken forms; find how many are taken."""
    names = people(ONE_CLIENT, spoken=8)
    async with AssistantClient(address) as client:
        count = ONE_CLIENT
        while True:
            try:
                await client.set_context("contacts", names[:count], source="benchmark")
                break
            except TooManyEntriesError as error:
                print(f"refused: {error}", flush=True)
                count -= 1000
        show("taken with eight spoken forms each", count, "names")
    await process.settle()
    show("with them", process.cost.rss, "MB")
    show("most while they were prepared", process.cost.peak, "MB")


def stages(recognizer: Recognizer, count: int) -> None:
    """Prepare a long list in this process."""
    context = Context(EntryLists([EntryList("contacts", people(count))]))
    began, used = time.monotonic(), time.process_time()
    for number, _ in enumerate(recognizer.prepare_biasing(context)):
        if number == 0:
            show(f"{count} names usable after", time.monotonic() - began, "s")
            show("  processor time", time.process_time() - used, "s")
    show("context attention knows them after", time.monotonic() - began, "s")
    show("  processor time", time.process_time() - used, "s")


def more(recognizer: Recognizer) -> None:
    """Add names to a list one by one, in this process."""
    entries = EntryList("contacts", people(10_000))
    recognizer.biasing_of(Context(EntryLists([entries])))
    took, used = [], []
    for letter in "abcdefghijk":
        began, before = time.monotonic(), time.thread_time()
        entries = entries.with_more([Entry("contacts", f"Siobhan{letter} Kowalczyk{letter}")])
        stages = recognizer.prepare_biasing(Context(EntryLists([entries])))
        next(stages)
        took.append(time.monotonic() - began)
        used.append(time.thread_time() - before)
        for _ in stages:
            pass
    show("one more name among 10,000 usable after", 1e3 * median(took), "ms")
    show("  processor time", 1e3 * median(used), "ms")


def main() -> None:
    """Run the command line."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("--only", nargs="+", choices=SCENARIOS, default=SCENARIOS)
    parser.add_argument("--names", type=int, default=100_000)
    parser.add_argument("--bundle", default=RecognizerSettings().bundle, help="name or path")
    arguments = parser.parse_args()
    with noise() as recording, PrivateBus() as bus, tempfile.TemporaryDirectory() as state:
        places = {"STATE_DIRECTORY": state}
        daemon = {"environment": places, "arguments": ["--audio", str(recording)]}
        for scenario in (one for one in SCENARIOS[:3] if one in arguments.only):
            print(f"# {scenario}", flush=True)
            with RunningDaemon(bus.address, **daemon) as running:
                process = Process(running.pid)
                if scenario == "hundred":
                    asyncio.run(hundred(bus.address, process, arguments.names))
                elif scenario == "turns":
                    asyncio.run(turns(bus.address, process))
                else:
                    asyncio.run(spoken(bus.address, process))
            show("reports of lost audio", dropped(running.log), "")
            if scenario == "spoken":
                with RunningDaemon(bus.address, **daemon) as running:
                    process = Process(running.pid)
                    asyncio.run(process.settle())
                    show("after a restart with the stored names", process.cost.rss, "MB")
                    show("most while they were prepared", process.cost.peak, "MB")
    if not {"stages", "more"}.isdisjoint(arguments.only):
        bundle = load_bundle(find_bundle(arguments.bundle), "recognizer")
        recognizer = load_recognizer(bundle, SearchOptions(), 1)
        if "more" in arguments.only:
            print("# more", flush=True)
            more(recognizer)
        if "stages" in arguments.only:
            print("# stages", flush=True)
            stages(recognizer, arguments.names)


if __name__ == "__main__":
    main()
