"""Rate limit for questions to the reranker: bursts of three, one per ten seconds in the long run.

The daemon and the relay each apply it for themselves.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

BURST = 3.0  # questions
SECONDS_EACH = 10.0  # per question, in the long run


@dataclass(frozen=True, slots=True)
class RateLimit:
    """A token bucket; immutable."""

    left: float = BURST  # questions
    time: float = 0.0  # seconds on a monotonic clock

    def spend(self, time: float) -> RateLimit | None:
        """Return the bucket after one question at `time`, or None if it is empty."""
        gained = max(0.0, time - self.time) / SECONDS_EACH
        left = min(BURST, self.left + gained)
        if left < 1.0:
            return None
        return replace(self, left=left - 1.0, time=time)
