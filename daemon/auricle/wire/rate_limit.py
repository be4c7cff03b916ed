"""How many lattices may leave, whoever asks: three at once, and in the long run one in ten seconds.

In: the time. Out: whether one may leave now. Both processes count, each for itself.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

BURST = 3.0  # questions
SECONDS_EACH = 10.0  # in the long run


@dataclass(frozen=True, slots=True)
class RateLimit:
    """A bucket of questions that fills with time; a value."""

    left: float = BURST
    time: float = 0.0  # seconds on a clock that never goes back, as time.monotonic

    def spend(self, time: float) -> RateLimit | None:
        """Return what is left after one question at `time`; None if it may not leave."""
        gained = max(0.0, time - self.time) / SECONDS_EACH
        left = min(BURST, self.left + gained)
        if left < 1.0:
            return None
        return replace(self, left=left - 1.0, time=time)
