"""The compute governor: reads the system load and sets the compute level of recognition.

In: the configured choice, the system load and the load of the recognizer. Out: the level, and a
callback when it changes. The service applies the level; the governor knows neither models nor
D-Bus.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Literal, Protocol

from auricle.compute.budget import ComputeLevel
from auricle.compute.hysteresis import LadderState, step
from auricle.compute.sensors import Sensors
from auricle.compute.system_load import SystemLoad

LOOK_SECONDS = 1.0
OWNER = "the configuration says so"

Choice = Literal["auto", "full", "saver", "minimal"]
Changed = Callable[[ComputeLevel, str], None]  # the new level, and the reason


@dataclass(frozen=True, slots=True)
class Pace:
    """Load of the recognizer since the previous query."""

    lag: float = 0.0  # seconds; longest queue of unprocessed audio
    load: float = 0.0  # real-time factor: seconds of computing per second of audio


class Eye(Protocol):
    """Measures the system load."""

    def look(self, now: float) -> SystemLoad:
        """Return the system load; shares are of the time since the previous call."""
        ...


class Governor:
    """Sets the compute level; `watch` keeps it up to date.

    Everything runs on the event loop, except the measurements, which run in a thread.
    """

    def __init__(
        self,
        choice: Choice,
        changed: Changed,
        eye: Eye | None = None,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        """Start at the chosen level; "auto" starts at the full level.

        Args:
            choice: "auto", or a fixed level.
            changed: called with the new level and the reason after each change.
            eye: measures the system load; None: that of this machine.
            clock: returns monotonic seconds.
        """
        self._choice = choice
        self._changed = changed
        self._eye = eye or Sensors()
        self._clock = clock
        self._state = _begin(choice)

    @property
    def level(self) -> ComputeLevel:
        """The current level."""
        return self._state.level

    @property
    def automatic(self) -> bool:
        """Whether the level depends on the system load."""
        return self._choice == "auto"

    def choose(self, choice: Choice) -> None:
        """Change the choice; "auto" starts at the current level."""
        if choice == self._choice:
            return
        before, self._choice = self.level, choice
        self._state = LadderState(before) if choice == "auto" else _begin(choice)
        if self.level is not before:
            self._changed(self.level, OWNER)

    async def watch(self, pace: Callable[[], Pace]) -> None:
        """Measure the load every second and update the level; never return.

        Args:
            pace: returns the load of the recognizer since the previous call.
        """
        while True:
            await asyncio.sleep(LOOK_SECONDS)
            if self.automatic:
                await self.look(pace)

    async def look(self, pace: Callable[[], Pace]) -> None:
        """Measure the load once and update the level."""
        # In a thread: some kernel files query a chip, which can be slow.
        now = self._clock()
        readings = await asyncio.to_thread(self._eye.look, now)
        if not self.automatic:  # the choice has changed meanwhile
            return
        kept, before = pace(), self.level
        self._state = step(self._state, replace(readings, lag=kept.lag, load=kept.load), now)
        if self.level is not before:
            self._changed(self.level, self._state.cause)


def _begin(choice: Choice) -> LadderState:
    return LadderState(ComputeLevel.FULL if choice == "auto" else ComputeLevel(choice))
