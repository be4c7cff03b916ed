"""The session objects on the bus: each appears with its `Wake` and outlives its end for a while.

In: events of the core. Out: signals to the audience of the session, and to nobody else.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable

from auricle.bus.session1 import Session1, SessionRecord, signal_of
from auricle.dbus.names import SESSION_INTERFACE, path_of
from auricle.dbus.object_tree import ObjectTree
from auricle.errors import NoSuchSessionError, NotAuthorizedError
from auricle.events import Event, Wake

KEPT_AFTER_END = 8  # sessions whose results can still be fetched


class Sessions:
    """The running session and the last ones that ended, by id, oldest first."""

    def __init__(
        self,
        tree: ObjectTree,
        cancel: Callable[[str], Awaitable[None]],
    ) -> None:
        """`cancel` ends a session because a client asked."""
        self._tree = tree
        self._cancel = cancel
        self._records: dict[str, SessionRecord] = {}

    def begin(self, wake: Wake, audience: set[str]) -> None:
        """Show the object of a session to `audience`."""
        record = SessionRecord(wake, audience)
        self._records[wake.session] = record
        session = Session1(record, self._cancel)
        self._tree.export(path_of(wake.session), session.interface())

    def follow(self, event: Event) -> None:
        """Tell the audience of an event; one of a session never begun here has no audience."""
        record = self._records.get(event.session)
        if record is None:
            return
        record.follow(event)
        name, body = signal_of(event)
        path, audience = path_of(event.session), sorted(record.audience)
        self._tree.send_signal(path, SESSION_INTERFACE, name, body, audience)
        if record.phase.ended:
            self._forget_old()

    def check_access(self, session: str, client: str) -> None:
        """Raise NoSuchSessionError or NotAuthorizedError unless `client` hears the session."""
        record = self._records.get(session)
        if record is None:
            raise NoSuchSessionError(
                f"session {session!r} has vanished or never was; ask while it runs or soon after"
            )
        if client not in record.audience:
            raise NotAuthorizedError(
                f"session {session!r} belongs to another client; ask for one that Listen or "
                "Subscribe gave you"
            )

    def leave(self, client: str, *, subscription_only: bool = False) -> list[str]:
        """Drop a client from all audiences; return the running sessions that it owned.

        With `subscription_only`, it stays the owner of those that it began.
        """
        owned = []
        for session, record in self._records.items():
            if record.wake.owner != client:
                record.audience.discard(client)
            elif not subscription_only:
                record.audience.discard(client)
                if not record.phase.ended:
                    owned.append(session)
        self._forget_old()
        return owned

    def _forget_old(self) -> None:
        """Let ended sessions vanish that nobody may see, and all but the last few others."""
        ended = [session for session, record in self._records.items() if record.phase.ended]
        seen = [session for session in ended if self._records[session].audience]
        for session in set(ended) - set(seen[-KEPT_AFTER_END:]):
            del self._records[session]
            self._tree.withdraw(path_of(session))
