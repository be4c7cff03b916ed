"""Watches a daemon from outside: its cost, its journal, and how long a polite client waits."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from itertools import pairwise

import numpy as np

from auricle.client.client import AssistantClient
from auricle.errors import AuricleError
from testbed.process_cost import ProcessCost, process_cost
from testbed.running_daemon import RunningDaemon

SAMPLE_SECONDS = 0.5
CALL_SECONDS = 0.02  # pause between two calls of the polite client
SLOW_MS = 50.0  # most that another client may delay it
UNMUTE_SECONDS = 2.0  # hostile clients may mute, and then there is no speech


@dataclass(slots=True)
class Delays:
    """How long a polite client waited for answers."""

    milliseconds: list[float] = field(default_factory=list)
    errors: list[str] = field(default_factory=list)

    def summary(self) -> dict[str, float]:
        """Return the number of calls, quantiles in milliseconds, and how many were slow."""
        if not self.milliseconds:
            return {"calls": 0}
        values = np.array(self.milliseconds)
        median, tail = np.percentile(values, (50, 99))
        return {
            "calls": len(values),
            "median_ms": round(float(median), 1),
            "99_percent_ms": round(float(tail), 1),
            "longest_ms": round(float(values.max()), 1),
            "over_50_ms": int((values > SLOW_MS).sum()),
        }


async def be_polite(bus: str, delays: Delays) -> None:
    """Read the state again and again, and unmute; runs until cancelled."""
    async with AssistantClient(bus) as client:
        unmuted = time.monotonic()
        while True:
            began = time.monotonic()
            try:
                await client.status()
                delays.milliseconds.append(1000 * (time.monotonic() - began))
                if time.monotonic() - unmuted > UNMUTE_SECONDS:
                    unmuted = time.monotonic()
                    await client.set_muted(False)
            except AuricleError as error:
                delays.errors.append(str(error))
                return
            await asyncio.sleep(CALL_SECONDS)


@dataclass(slots=True)
class Costs:
    """Samples of the daemon's cost."""

    samples: list[ProcessCost] = field(default_factory=list)
    times: list[float] = field(default_factory=list)
    lines: list[int] = field(default_factory=list)  # of the journal, in total

    def summary(self) -> dict[str, float]:
        """Return first, highest and last values."""
        if not self.samples:
            return {}
        first, last = self.samples[0], self.samples[-1]
        rates = [
            (after[1] - before[1]) / (after[0] - before[0])
            for before, after in pairwise(zip(self.times, self.lines, strict=True))
        ]
        return {
            "mb_before": round(first.rss),
            "mb_highest": round(max(sample.rss for sample in self.samples)),
            "mb_after": round(last.rss),
            "descriptors_before": first.descriptors,
            "descriptors_highest": max(sample.descriptors for sample in self.samples),
            "descriptors_after": last.descriptors,
            "threads_before": first.threads,
            "threads_highest": max(sample.threads for sample in self.samples),
            "threads_after": last.threads,
            "journal_lines_a_second_highest": round(max(rates, default=0.0), 1),
            "journal_lines": self.lines[-1] - self.lines[0],
        }


async def measure(daemon: RunningDaemon, costs: Costs, gone: Callable[[], None]) -> None:
    """Take samples until cancelled; calls `gone` if the daemon has ended."""
    while True:
        # No await may come between the appends: a cancellation there would leave half a sample.
        lines = (await asyncio.to_thread(daemon.read_log)).count("\n")
        try:
            costs.samples.append(process_cost(daemon.pid))
        except OSError:
            gone()
            return
        costs.times.append(time.monotonic())
        costs.lines.append(lines)
        daemon.drain()
        await asyncio.sleep(SAMPLE_SECONDS)
