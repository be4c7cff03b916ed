"""Who wants quiet: sessions, and clients by leases.

In: sessions that begin and end, leases that clients take, release, or leave behind. Out: whether
anybody wants quiet.
"""

from __future__ import annotations

from dataclasses import dataclass, field

from auricle.errors import ArgumentError, NoSuchLeaseError, TooManyLeasesError

CLIENT_LEASES = 8
ALL_LEASES = 64
LONGEST_SECONDS = 3600.0


@dataclass(slots=True)
class Leases:
    """Counts nothing twice: a session is one claim, and each lease is one."""

    _sessions: set[str] = field(default_factory=set)
    _leases: dict[int, str] = field(default_factory=dict)  # lease -> client
    _last: int = 0

    @property
    def any(self) -> bool:
        """Whether anybody wants quiet."""
        return bool(self._sessions or self._leases)

    @property
    def leases(self) -> int:
        """How many leases are held."""
        return len(self._leases)

    def begin(self, session: str) -> None:
        """Take in that a session has begun."""
        self._sessions.add(session)

    def end(self, session: str) -> None:
        """Take in that a session is over."""
        self._sessions.discard(session)

    def take(self, client: str) -> int:
        """Return a new lease of a client.

        Raises:
            TooManyLeasesError: this client, or all together, hold as many as they may.
        """
        own = sum(owner == client for owner in self._leases.values())
        if own >= CLIENT_LEASES or len(self._leases) >= ALL_LEASES:
            raise TooManyLeasesError(
                f"this client holds {own} leases of {CLIENT_LEASES}, all clients {self.leases} of "
                f"{ALL_LEASES}; release one first"
            )
        self._last += 1
        self._leases[self._last] = client
        return self._last

    def release(self, client: str, lease: int) -> None:
        """Give a lease back.

        Raises:
            NoSuchLeaseError: the client does not hold it, or no longer.
        """
        if self._leases.get(lease) != client:
            raise NoSuchLeaseError(
                f"lease {lease} is none of this client's; it has ended, or Duck never gave it"
            )
        del self._leases[lease]

    def expire(self, lease: int) -> None:
        """Let a lease end whose time is over; it may have ended before."""
        self._leases.pop(lease, None)

    def leave(self, client: str) -> bool:
        """Let all leases of a client end; return whether it held any."""
        own = [lease for lease, owner in self._leases.items() if owner == client]
        for lease in own:
            del self._leases[lease]
        return bool(own)


def check_seconds(seconds: float) -> None:
    """Raise ArgumentError unless a lease may last for so long."""
    if not 0 < seconds <= LONGEST_SECONDS:  # which holds of no NaN either
        raise ArgumentError(
            f"option 'seconds' is {seconds}; give seconds above 0 and up to {LONGEST_SECONDS:.0f}"
        )
