"""A token bucket: so many events at once, and so many per second in the long run."""

from __future__ import annotations


class TokenBucket:
    """Counts events; it starts full."""

    __slots__ = ("_left", "_most", "_rate", "_time")

    def __init__(self, rate: float, most: float, time: float) -> None:
        """Start full.

        Args:
            rate: tokens per second.
            most: tokens that fit in.
            time: the current time, in seconds on a monotonic clock.
        """
        self._rate = rate
        self._most = self._left = most
        self._time = time

    def spend(self, time: float) -> bool:
        """Take a token at `time`; return False if the bucket is empty."""
        gained = max(0.0, time - self._time) * self._rate
        self._left = min(self._most, self._left + gained)
        self._time = time
        if self._left < 1.0:
            return False
        self._left -= 1.0
        return True
