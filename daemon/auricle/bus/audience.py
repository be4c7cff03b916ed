"""Who hears the sessions that a wake word begins, and who watches the level meter."""

from __future__ import annotations

from collections.abc import Collection


class Audience:
    """Subscribers and monitors, by the unique names of their connections."""

    def __init__(self) -> None:
        """Begin with nobody."""
        self._subscribers: dict[str, frozenset[str] | None] = {}  # None: every wake word
        self.monitors: set[str] = set()

    def subscribe(self, client: str, wake_words: Collection[str] | None) -> None:
        """Let `client` hear sessions of `wake_words`, or of all for None, from the next one on."""
        self._subscribers[client] = None if wake_words is None else frozenset(wake_words)

    def unsubscribe(self, client: str) -> None:
        """Let `client` hear no more sessions; no mistake if it heard none."""
        self._subscribers.pop(client, None)

    def subscribers_of(self, wake_word: str) -> set[str]:
        """Return the clients that hear a session of this wake word."""
        return {
            client
            for client, words in self._subscribers.items()
            if words is None or wake_word in words
        }

    def leave(self, client: str) -> None:
        """Forget a client that has gone."""
        self.unsubscribe(client)
        self.monitors.discard(client)
