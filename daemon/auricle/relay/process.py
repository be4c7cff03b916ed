"""The relay as a process: from the daemon's socket to the reranker and back, until either ends it.

In: questions of the wire schema. Out: answers of it. What is no question ends the relay at once,
unsent; so does the daemon when it removes its socket. It keeps nothing, and writes no word of what
was said.
"""

from __future__ import annotations

import asyncio
import signal
import socket
import time
from collections.abc import Callable, Collection
from contextlib import suppress
from pathlib import Path

from auricle.config.schema import RerankerSettings
from auricle.relay.answers import AnswerFault
from auricle.relay.reranker_client import Reranker
from auricle.wire.rate_limit import RateLimit
from auricle.wire.schema import MOST_BYTES, Answer, Question, decode_question, encode_answer
from auricle.wire.sockets import check_peer, connect, receive, send

Tell = Callable[[str], None]  # takes a sentence for the journal


def run(settings: RerankerSettings, path: Path, users: Collection[int], tell: Tell) -> None:
    """Relay until the daemon hangs up or a signal comes.

    Raises:
        RelayError: no daemon listens at `path`, or it is set up wrongly.
        RefusedError: who is there is no user of `users`, or sends what may not pass.
    """
    asyncio.run(_run(settings, path, users, tell))


async def _run(settings: RerankerSettings, path: Path, users: Collection[int], tell: Tell) -> None:
    work = asyncio.ensure_future(serve(settings, path, users, tell))
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, work.cancel)
    with suppress(asyncio.CancelledError):
        await work


async def serve(settings: RerankerSettings, path: Path, users: Collection[int], tell: Tell) -> None:
    """Answer the daemon's questions until it hangs up; see `run` for what is raised."""
    async with Reranker(settings) as reranker:
        with connect(path) as connection:
            check_peer(connection, users)
            tell(f"lattices go to {settings.host}")
            await Relay(reranker, connection, tell).work()


class Relay:
    """Takes one question after another."""

    def __init__(self, reranker: Reranker, connection: socket.socket, tell: Tell) -> None:
        """`connection` leads to the daemon; `tell` takes a sentence on each fault."""
        self._reranker = reranker
        self._connection = connection
        self._tell = tell
        self._allowance = RateLimit(time=time.monotonic())

    async def work(self) -> None:
        """Answer until the daemon hangs up.

        While a question is on its way the daemon is listened to: when it hangs up, or asks anew,
        the question is dropped there and then.
        """
        coming = self._next_message()
        while data := await coming:
            question = decode_question(data)
            coming = self._next_message()
            await asyncio.sleep(0)  # so that a daemon that has hung up by now is heard first
            if coming.done():
                continue
            asking = asyncio.ensure_future(self._answer(question, data))
            try:
                await asyncio.wait((coming, asking), return_when=asyncio.FIRST_COMPLETED)
            finally:
                if not asking.done():
                    asking.cancel()
                    await asyncio.gather(asking, return_exceptions=True)
            if not asking.cancelled():
                asking.result()

    def _next_message(self) -> asyncio.Future[bytes]:
        return asyncio.ensure_future(receive(self._connection, MOST_BYTES))

    async def _answer(self, question: Question, data: bytes) -> None:
        left = self._allowance.spend(time.monotonic())
        if left is None:
            answer = Answer(question.session, (), AnswerFault.RATE)
        else:
            self._allowance = left
            answer = await self._reranker.ask(question, data)
        if answer.fault:
            self._tell(f"the reranker: {answer.fault}")
        send(self._connection, encode_answer(answer))
