"""The daemon's end of the relay socket. The socket exists only while lattices may leave.

It accepts one relay at a time and checks what it receives by the wire schema. A message that
violates the schema closes the connection.
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
    """Call all methods on the event loop; after `close` it may be opened again."""

    def __init__(self, path: Path, users: Collection[int], report: Callable[[str], None]) -> None:
        """Prepare the server; it is closed.

        Args:
            path: the path of the socket.
            users: user ids that the relay may run as.
            report: takes a sentence on why a relay was rejected.
        """
        self._path = path
        self._users = users
        self._report = report
        self._listener: socket.socket | None = None
        self._listening: asyncio.Task[None] | None = None
        self._relay: socket.socket | None = None
        self._asked: tuple[int, asyncio.Future[Answer | None]] | None = None  # session, answer

    @property
    def connected(self) -> bool:
        """Whether a relay is connected."""
        return self._relay is not None

    def open(self) -> None:
        """Open the socket; raises OSError if it cannot be made."""
        if self._listener is None:
            self._listener = listen(self._path)
            self._listening = asyncio.ensure_future(self._serve(self._listener))

    async def close(self) -> None:
        """Disconnect the relay and remove the socket, also one that a killed daemon left.

        A waiting `ask` returns None. All of this is done before the first await.
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
        """Return the answer to a question, or None without a relay; the caller sets a timeout."""
        if self._relay is None or not send(self._relay, data):
            return None
        answer: asyncio.Future[Answer | None] = asyncio.get_running_loop().create_future()
        self._asked = (session, answer)
        try:
            return await answer
        finally:
            self._asked = None

    async def _serve(self, listener: socket.socket) -> None:
        """Serve one relay after another."""
        loop = asyncio.get_running_loop()
        while True:
            relay, _ = await loop.sock_accept(listener)
            with relay:
                await self._serve_relay(relay)

    async def _serve_relay(self, relay: socket.socket) -> None:
        """Receive answers until the relay disconnects or violates the schema."""
        try:
            check_peer(relay, self._users)
            self._relay = relay
            while data := await receive(relay, MOST_ANSWER_BYTES):
                self._take(decode_answer(data))
        except RefusedError as error:
            self._report(f"the relay was disconnected: {error}")
        finally:
            if self._relay is relay:
                self._relay = None
                self._answer(None)

    def _take(self, answer: Answer) -> None:
        """Deliver an answer; one that comes too late is dropped."""
        if self._asked is not None and self._asked[0] == answer.session:
            self._answer(answer)

    def _answer(self, answer: Answer | None) -> None:
        if self._asked is not None and not self._asked[1].done():
            self._asked[1].set_result(answer)
