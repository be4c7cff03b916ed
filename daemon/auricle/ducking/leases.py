"""Tracks the sessions and the client leases that require ducking.

In: sessions that start and end; leases that clients take, release, or leave when they disconnect.
Out: whether anything requires ducking.
"""

from __future__ import annotations

from dataclasses import dataclass, field

from auricle.errors import ArgumentError, NoSuchLeaseError, TooManyLeasesError

CLIENT_LEASES = 8
ALL_LEASES = 64
LONGEST_SECONDS = 3600.0


@dataclass(slots=True)
class Leases:
    """The running sessions and the leases that clients hold."""

    _sessions: set[str] = field(default_factory=set)
    _leases: dict[int, str] = field(default_factory=dict)  # lease -> client
    _last: int = 0

    @property
    def any(self) -> bool:
        """Whether a session or a lease requires ducking."""
        return bool(self._sessions or self._leases)

    @property
    def leases(self) -> int:
        """Number of leases of all clients."""
        return len(self._leases)

    def begin(self, session: str) -> None:
        """Add a session."""
        self._sessions.add(session)

    def end(self, session: str) -> None:
        """Remove a session."""
        self._sessions.discard(session)

    def take(self, client: str) -> int:
        """Return the id of a new lease of a client.

        Raises:
            TooManyLeasesError: this client, or all clients together, hold too many leases.
        """
        own = sum(owner == client for owner in self._leases.values())
        if own >= CLIENT_LEASES or len(self._leases) >= ALL_LEASES:
            raise TooManyLeasesError(
                f"this client holds {own} of {CLIENT_LEASES} leases, all clients together "
                f"{self.leases} of {ALL_LEASES}; release one first"
            )
        self._last += 1
        self._leases[self._last] = client
        return self._last

    def release(self, client: str, lease: int) -> None:
        """End a lease.

        Raises:
            NoSuchLeaseError: the client does not hold the lease.
        """
        if self._leases.get(lease) != client:
            raise NoSuchLeaseError(
                f"this client does not hold lease {lease}; it has ended, or Duck never returned it"
            )
        del self._leases[lease]

    def expire(self, lease: int) -> None:
        """End a lease whose time is over; it may already have ended."""
        self._leases.pop(lease, None)

    def leave(self, client: str) -> bool:
        """End all leases of a client; return whether it held any."""
        own = [lease for lease, owner in self._leases.items() if owner == client]
        for lease in own:
            del self._leases[lease]
        return bool(own)


def check_seconds(seconds: float) -> None:
    """Raise ArgumentError unless `seconds` is a valid length of a lease."""
    if not 0 < seconds <= LONGEST_SECONDS:  # also rejects NaN
        raise ArgumentError(
            f"option 'seconds' is {seconds}; give seconds above 0 and up to {LONGEST_SECONDS:.0f}"
        )
