"""The daemon's end of the socket: open only while lattices may leave, and gone at once after.

In: a question. Out: its answer, or None when the relay goes, or the desk is closed meanwhile. One
relay at a time; what it sends is checked by the wire schema, and anything else hangs up on it.
"""

from __future__ import annotations

import asyncio
import socket
from collections.abc import Callable, Collection
from pathlib import Path

from auricle.errors import RefusedError
from auricle.wire.schema import MOST_ANSWER_BYTES, Answer, decode_answer
from auricle.wire.sockets import check_peer, listen, receive, remove, send


class RelayServer:
    """Use `open`, `ask` and `close` on the event loop, as often as wanted."""

    def __init__(self, path: Path, users: Collection[int], tell: Callable[[str], None]) -> None:
        """Prepare; a socket that a killed daemon left behind is removed by `close`.

        Args:
            path: of the socket.
            users: whose processes may be the relay.
            tell: takes a sentence on whoever may not.
        """
        self._path = path
        self._users = users
        self._tell = tell
        self._listener: socket.socket | None = None
        self._listening: asyncio.Task[None] | None = None
        self._relay: socket.socket | None = None
        self._asked: tuple[int, asyncio.Future[Answer | None]] | None = None  # session, answer

    @property
    def connected(self) -> bool:
        """Whether the relay is there."""
        return self._relay is not None

    def open(self) -> None:
        """Let the relay come; raises OSError when there is no place for the socket."""
        if self._listener is None:
            self._listener = listen(self._path)
            self._listening = asyncio.ensure_future(self._serve(self._listener))

    async def close(self) -> None:
        """Send the relay away and remove the socket; a question that waits has no answer.

        All of it has happened before this waits for anything.
        """
        remove(self._path)
        if self._relay is not None:
            self._relay.shutdown(socket.SHUT_RDWR)
            self._relay = None
        self._answer(None)
        listener, listening = self._listener, self._listening
        self._listener = self._listening = None
        if listener is not None and listening is not None:
            listening.cancel()
            await asyncio.gather(listening, return_exceptions=True)
            listener.close()

    async def ask(self, session: int, data: bytes) -> Answer | None:
        """Return the answer to a question; None if none comes. How long it may take, others say."""
        if self._relay is None or not send(self._relay, data):
            return None
        answer: asyncio.Future[Answer | None] = asyncio.get_running_loop().create_future()
        self._asked = (session, answer)
        try:
            return await answer
        finally:
            self._asked = None

    async def _serve(self, listener: socket.socket) -> None:
        """Take one relay after another."""
        loop = asyncio.get_running_loop()
        while True:
            relay, _ = await loop.sock_accept(listener)
            with relay:
                await self._attend(relay)

    async def _attend(self, relay: socket.socket) -> None:
        """Take what a relay says until it goes, or says what it may not."""
        try:
            check_peer(relay, self._users)
            self._relay = relay
            while data := await receive(relay, MOST_ANSWER_BYTES):
                self._take(decode_answer(data))
        except RefusedError as error:
            self._tell(f"the relay is sent away: {error}")
        finally:
            if self._relay is relay:
                self._relay = None
                self._answer(None)

    def _take(self, answer: Answer) -> None:
        """Hand over an answer; one that comes too late is to no question that waits."""
        if self._asked is not None and self._asked[0] == answer.session:
            self._answer(answer)

    def _answer(self, answer: Answer | None) -> None:
        if self._asked is not None and not self._asked[1].done():
            self._asked[1].set_result(answer)
