"""The speed of real time for frames that are ready sooner."""

from __future__ import annotations

import time
from collections.abc import Callable

from auricle.audio.format import FRAME_SECONDS


class RealTimePace:
    """Lets one frame pass every 10 ms, counted from its making.

    Each frame has its own due time, so that waits that last too long do not add up to a drift:
    what is late passes at once until the pace is caught up.
    """

    def __init__(
        self,
        sleep: Callable[[float], object] = time.sleep,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._sleep = sleep
        self._clock = clock
        self._begin = clock()
        self._frames = 0

    def wait(self) -> None:
        """Wait until the next frame would have been recorded to its end."""
        self._frames += 1
        delay = self._begin + self._frames * FRAME_SECONDS - self._clock()
        if delay > 0.0:
            self._sleep(delay)
