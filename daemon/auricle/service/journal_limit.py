"""Limits how many journal entries a client, or a kind of entry, can cause.

A caller could otherwise fill the journal and push older entries out of it. The journal says how
many entries were suppressed.
"""

from __future__ import annotations

from collections import Counter, OrderedDict

from auricle.token_bucket import TokenBucket

CLIENT_BURST, CLIENT_RATE = 50, 1.0  # entries at once and per second, caused by one client
KIND_BURST, KIND_RATE = 200, 5.0  # entries of one kind
REPORT_SECONDS = 10.0  # between two entries about suppressed ones
MAX_CLIENTS = 256  # clients that are remembered


class JournalLimit:
    """Decides which entries are written. Times are in seconds on a monotonic clock."""

    def __init__(self, time: float) -> None:
        """Start with full budgets."""
        self._kinds: dict[str, TokenBucket] = {}
        self._clients: OrderedDict[str, TokenBucket] = OrderedDict()
        self._suppressed: Counter[str] = Counter()
        self._reported = time - REPORT_SECONDS

    def allows(self, kind: str, client: str, time: float) -> bool:
        """Return whether an entry may be written; count it if not.

        Args:
            kind: name of its kind.
            client: the client that causes it; empty if there is no such client.
            time: the current time.
        """
        if client and not self._client(client, time).spend(time):
            self._suppressed[kind] += 1
            return False
        bucket = self._kinds.get(kind)
        if bucket is None:
            bucket = self._kinds[kind] = TokenBucket(KIND_RATE, KIND_BURST, time)
        if bucket.spend(time):
            return True
        self._suppressed[kind] += 1
        return False

    def report(self, time: float) -> str:
        """Return a sentence about the entries suppressed since the last one; "" without any."""
        if not self._suppressed or time - self._reported < REPORT_SECONDS:
            return ""
        kinds = ", ".join(f"{count} {kind}" for kind, count in sorted(self._suppressed.items()))
        self._suppressed.clear()
        self._reported = time
        return f"too many entries: some were suppressed ({kinds})"

    def _client(self, client: str, time: float) -> TokenBucket:
        bucket = self._clients.get(client)
        if bucket is None:
            bucket = self._clients[client] = TokenBucket(CLIENT_RATE, CLIENT_BURST, time)
            if len(self._clients) > MAX_CLIENTS:
                self._clients.popitem(last=False)
        return bucket
