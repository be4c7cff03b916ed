"""The arbiter of compute: it looks at the machine, and says at which level recognition may run.

In: what the owner has chosen, and looks at machine and recogniser. Out: the level, and a call
whenever it changes. It knows neither models nor bus; the service lets a level hold.
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
Changed = Callable[[ComputeLevel, str], None]  # the level, and why


@dataclass(frozen=True, slots=True)
class Pace:
    """How well the recogniser keeps up, since somebody asked before."""

    lag: float = 0.0  # seconds of sound that waited for it, at most
    load: float = 0.0  # seconds of computing for a second of sound


class Eye(Protocol):
    """What looks at the machine."""

    def look(self, now: float) -> SystemLoad:
        """Return readings; shares are since the look before."""
        ...


class Governor:
    """Use `level`; `watch` keeps it right. All happens on the event loop, but for the looks."""

    def __init__(
        self,
        choice: Choice,
        changed: Changed,
        eye: Eye | None = None,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        """Begin with the level that is chosen, or with the full one.

        Args:
            choice: "auto", or the level that holds whatever the machine says.
            changed: called with the level, and why, whenever it has changed.
            eye: looks at the machine; None: at this one.
            clock: seconds, never back.
        """
        self._choice = choice
        self._changed = changed
        self._eye = eye or Sensors()
        self._clock = clock
        self._state = _begin(choice)

    @property
    def level(self) -> ComputeLevel:
        """The level that holds."""
        return self._state.level

    @property
    def automatic(self) -> bool:
        """Whether the machine decides on the level."""
        return self._choice == "auto"

    def choose(self, choice: Choice) -> None:
        """Let another choice hold; with "auto" it begins at the level that it finds."""
        if choice == self._choice:
            return
        before, self._choice = self.level, choice
        self._state = LadderState(before) if choice == "auto" else _begin(choice)
        if self.level is not before:
            self._changed(self.level, OWNER)

    async def watch(self, pace: Callable[[], Pace]) -> None:
        """Look at the machine, and at how the recogniser keeps up, every second; never return."""
        while True:
            await asyncio.sleep(LOOK_SECONDS)
            if self.automatic:
                await self.look(pace)

    async def look(self, pace: Callable[[], Pace]) -> None:
        """Look once, and let the level follow."""
        # In a thread: some files ask a chip, which may take its time.
        now = self._clock()
        readings = await asyncio.to_thread(self._eye.look, now)
        if not self.automatic:  # chosen meanwhile
            return
        kept, before = pace(), self.level
        self._state = step(self._state, replace(readings, lag=kept.lag, load=kept.load), now)
        if self.level is not before:
            self._changed(self.level, self._state.cause)


def _begin(choice: Choice) -> LadderState:
    return LadderState(ComputeLevel.FULL if choice == "auto" else ComputeLevel(choice))
