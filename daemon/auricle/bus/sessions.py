"""The session objects on the bus: each is exported at its `Wake` and kept for a while at its end.

Events become signals that only the audience of their session receives.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable

from auricle.bus.session1 import Session1, SessionRecord, signal_of
from auricle.dbus.names import SESSION_INTERFACE, path_of
from auricle.dbus.object_tree import ObjectTree
from auricle.errors import NoSuchSessionError, NotAuthorizedError
from auricle.events import Event, Wake

KEPT_AFTER_END = 8  # ended sessions whose results stay available


class Sessions:
    """The running session and the last ended ones, by id, oldest first."""

    def __init__(
        self,
        tree: ObjectTree,
        cancel: Callable[[str], Awaitable[None]],
    ) -> None:
        """`cancel` cancels the session with an id on request of a client."""
        self._tree = tree
        self._cancel = cancel
        self._records: dict[str, SessionRecord] = {}

    def begin(self, wake: Wake, audience: set[str]) -> None:
        """Export the object of a session for `audience`."""
        record = SessionRecord(wake, audience)
        self._records[wake.session] = record
        session = Session1(record, self._cancel)
        self._tree.export(path_of(wake.session), session.interface())

    def follow(self, event: Event) -> None:
        """Send an event to its audience; an event of an unknown session is dropped."""
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
        """Raise NoSuchSessionError or NotAuthorizedError unless `client` is in its audience."""
        record = self._records.get(session)
        if record is None:
            raise NoSuchSessionError(
                f"there is no session {session!r}; call while it runs or soon after its end"
            )
        if client not in record.audience:
            raise NotAuthorizedError(
                f"session {session!r} belongs to another client; use one from Listen or from a "
                "subscription"
            )

    def leave(self, client: str, *, subscription_only: bool = False) -> list[str]:
        """Remove a client from all audiences; return the running sessions that it owned.

        With `subscription_only`, it stays in the audience of its own sessions.
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
        """Withdraw ended sessions without an audience, and all but the last few others."""
        ended = [session for session, record in self._records.items() if record.phase.ended]
        visible = [session for session in ended if self._records[session].audience]
        for session in set(ended) - set(visible[-KEPT_AFTER_END:]):
            del self._records[session]
            self._tree.withdraw(path_of(session))
