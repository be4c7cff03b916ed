"""Bus clients: which users the daemon admits, what each subscribed to, and when they leave."""

from __future__ import annotations

import asyncio
import os
import pwd
import time
from collections import OrderedDict
from collections.abc import Callable, Collection
from dataclasses import dataclass

from dbus_next.constants import MessageType
from dbus_next.message import Message

from auricle.dbus.connection import Connection
from auricle.dbus.gate import Caller, Standing
from auricle.dbus.names import DAEMON_NAME
from auricle.errors import AuricleError, NotAuthorizedError, NotRunningError
from auricle.tasks import retrieve
from auricle.user_names import user_name

MAX_KNOWN = 1024  # senders that are remembered; a unique name never changes its user
MEMBER_SECONDS = 5.0  # the gate reads the groups of a user again after this time

Authorise = Callable[[int], bool]  # user id -> whether that user may receive transcripts


def same_group_or_root(user: int) -> bool:
    """Return whether a user is root, the daemon's own user or a member of the daemon's group.

    On the system bus this group is `auricle`, as in the bus policy. On a session bus there is only
    one user.
    """
    if user in (os.getuid(), 0):
        return True
    try:
        account = pwd.getpwuid(user)
    except KeyError:  # no account, no groups
        return False
    return os.getgid() in os.getgrouplist(account.pw_name, account.pw_gid)


@dataclass(slots=True)
class _Known:
    """A sender whose user is known."""

    user: int
    caller: Caller
    until: float  # when to read the groups of its user again, on a monotonic clock


class Clients:
    """Admits clients by their user and watches them until they leave the bus.

    The gate of the connection (`dbus/gate.py`) asks it which senders are members. All connections
    of a user who is no member share one budget.
    """

    def __init__(
        self, connection: Connection, authorise: Authorise, on_leave: Callable[[str], None]
    ) -> None:
        """Call `on_leave` with the unique name of each admitted client that leaves."""
        self._connection = connection
        self._authorise = authorise
        self._on_leave = on_leave
        self._watched: set[str] = set()
        self._present: dict[str, int] = {}  # admitted client -> user id
        self._admitting = asyncio.Lock()
        self._known: OrderedDict[str, _Known] = OrderedDict()  # by sender, oldest first
        self._asking: dict[str, asyncio.Task[int]] = {}
        connection.add_message_handler(self._on_message)

    def __contains__(self, client: str) -> bool:
        """Return whether the client is admitted and connected."""
        return client in self._present

    def look_up(self, sender: str) -> Caller:
        """Return what is known of a sender."""
        known = self._known.get(sender)
        if known is None:
            return Caller(Standing.UNKNOWN, f"unknown {sender}")
        if time.monotonic() >= known.until:
            known = self._known[sender] = self._newly_known(sender, known.user)
        return known.caller

    async def identify(self, sender: str) -> Caller:
        """Return what is known of a sender, after asking for its user.

        Raises:
            AuricleError: the sender has left.
        """
        user = await self._user_of(sender)
        known = self._known.get(sender)
        return known.caller if known is not None else self._caller(sender, user)

    async def admit(self, client: str) -> int:
        """Admit a client, watch it, and return its user id.

        The watch starts before the daemon asks for the user again, so that a client that leaves in
        between is noticed. Users without authority are refused before the watch.

        Raises:
            NotAuthorizedError: the user may not use the microphone.
            NotRunningError: the client has left.
        """
        if client in self._present:
            return self._present[client]
        self._check_user(await self._user_of(client))
        async with self._admitting:
            if client in self._present:
                return self._present[client]
            self._watched.add(client)
            try:
                await self._connection.ask_daemon("AddMatch", "s", _departure_rule(client))
                user = await self._ask_daemon(client)
            except AuricleError:
                self._forget(client)
                raise
            if client not in self._watched:
                raise NotRunningError(f"the client {client} has left the bus; call again")
            self._present[client] = user
            return user

    async def close(self) -> None:
        """Stop asking."""
        asking = list(self._asking.values())
        for task in asking:
            task.cancel()
        await asyncio.gather(*asking, return_exceptions=True)

    def _check_user(self, user: int) -> None:
        if not self._authorise(user):
            raise NotAuthorizedError(
                f"user {user_name(user)} may not use this microphone; join the group of the "
                "daemon, which is auricle on the system bus"
            )

    def _caller(self, sender: str, user: int) -> Caller:
        if sender in self._present or self._authorise(user):
            return Caller(Standing.MEMBER, sender)
        return Caller(Standing.OUTSIDER, f"user {user}")

    def _newly_known(self, sender: str, user: int) -> _Known:
        caller = self._caller(sender, user)
        return _Known(user, caller, time.monotonic() + MEMBER_SECONDS)

    async def _user_of(self, sender: str) -> int:
        known = self._known.get(sender)
        return known.user if known is not None else await asyncio.shield(self._ask(sender))

    def _ask(self, sender: str) -> asyncio.Task[int]:
        """Return the task that asks for the user of a sender."""
        task = self._asking.get(sender)
        if task is None:
            task = self._asking[sender] = asyncio.ensure_future(self._ask_daemon(sender))
            task.add_done_callback(lambda _: self._asking.pop(sender, None))
            task.add_done_callback(retrieve)
        return task

    async def _ask_daemon(self, sender: str) -> int:
        reply = await self._connection.ask_daemon("GetConnectionUnixUser", "s", sender)
        user = int(reply.body[0])
        self._known[sender] = self._newly_known(sender, user)
        if len(self._known) > MAX_KNOWN:
            self._known.popitem(last=False)
        return user

    def _on_message(self, message: Message) -> None:
        if message.message_type is not MessageType.SIGNAL or message.sender != DAEMON_NAME:
            return
        if message.member != "NameOwnerChanged":
            return
        name, _, new_owner = message.body
        if name in self._watched and not new_owner:
            admitted = name in self._present
            self._forget(name)
            if admitted:
                self._on_leave(name)

    def _forget(self, client: str) -> None:
        """Stop watching a client."""
        self._present.pop(client, None)
        if client in self._watched:
            self._watched.discard(client)
            self._connection.post(_remove_match(client))


class Audience:
    """Subscribers and monitors, identified by their unique bus names."""

    def __init__(self) -> None:
        """Start without subscribers and monitors."""
        self._subscribers: dict[str, frozenset[str] | None] = {}  # None: every wake word
        self.monitors: set[str] = set()

    def __contains__(self, client: object) -> bool:
        """Return whether a client subscribes or monitors."""
        return client in self._subscribers or client in self.monitors

    def subscribe(self, client: str, wake_words: Collection[str] | None) -> None:
        """Subscribe `client` to later sessions of `wake_words`; None subscribes to all of them."""
        self._subscribers[client] = None if wake_words is None else frozenset(wake_words)

    def unsubscribe(self, client: str) -> None:
        """Remove the subscription of `client`, if it has one."""
        self._subscribers.pop(client, None)

    def subscribers_of(self, wake_word: str) -> set[str]:
        """Return the clients that receive the sessions of this wake word."""
        return {
            client
            for client, words in self._subscribers.items()
            if words is None or wake_word in words
        }

    def leave(self, client: str) -> None:
        """Forget a client that has left the bus."""
        self.unsubscribe(client)
        self.monitors.discard(client)


def _departure_rule(client: str) -> str:
    return (
        f"type='signal',sender='{DAEMON_NAME}',interface='{DAEMON_NAME}',"
        f"member='NameOwnerChanged',arg0='{client}'"
    )


def _remove_match(client: str) -> Message:
    return Message(
        destination=DAEMON_NAME,
        path="/org/freedesktop/DBus",
        interface=DAEMON_NAME,
        member="RemoveMatch",
        signature="s",
        body=[_departure_rule(client)],
    )
