"""The relay process: forwards questions from the daemon's socket to the reranker, and answers back.

A question that violates the wire schema ends the relay and is not forwarded. The relay also ends
when the daemon closes the connection. Whatever the reranker answers, the relay goes on. It stores
nothing and logs no transcript.
"""

from __future__ import annotations

import asyncio
import signal
import socket
import time
from collections import Counter
from collections.abc import Callable, Collection
from contextlib import suppress
from pathlib import Path

from auricle.config.schema import RerankerSettings
from auricle.fault_reports import place_of
from auricle.relay.answers import AnswerFault
from auricle.relay.reranker_client import Reranker
from auricle.wire.rate_limit import RateLimit
from auricle.wire.schema import MOST_BYTES, Answer, Question, decode_question, encode_answer
from auricle.wire.sockets import check_peer, connect, receive, send

Report = Callable[[str], None]  # takes a sentence for the journal


def run(settings: RerankerSettings, path: Path, users: Collection[int], report: Report) -> None:
    """Relay until the daemon disconnects or a signal stops it.

    Raises:
        RelayError: no daemon listens at `path`, or the token cannot be read.
        RefusedError: the daemon has another user than `users`, or violates the schema.
    """
    asyncio.run(_run(settings, path, users, report))


async def _run(
    settings: RerankerSettings, path: Path, users: Collection[int], report: Report
) -> None:
    work = asyncio.ensure_future(serve(settings, path, users, report))
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, work.cancel)
    with suppress(asyncio.CancelledError):
        await work


async def serve(
    settings: RerankerSettings, path: Path, users: Collection[int], report: Report
) -> None:
    """Answer the questions of the daemon until it disconnects; raises as `run` does."""
    async with Reranker(settings) as reranker:
        with connect(path) as connection:
            check_peer(connection, users)
            report(f"lattices go to {settings.host}")
            await Relay(reranker, connection, report).work()


class Relay:
    """Answers one question after another."""

    def __init__(self, reranker: Reranker, connection: socket.socket, report: Report) -> None:
        """`connection` leads to the daemon; `report` takes a sentence about each fault."""
        self._reranker = reranker
        self._connection = connection
        self._report = report
        self._rate_limit = RateLimit(time=time.monotonic())
        self._faults: Counter[str] = Counter()  # since the start

    async def work(self) -> None:
        """Answer until the daemon disconnects.

        A pending request is cancelled when the daemon disconnects or sends another question.
        """
        incoming = self._next_message()
        while data := await incoming:
            question = decode_question(data)
            incoming = self._next_message()
            await asyncio.sleep(0)  # lets `incoming` finish if the daemon has disconnected
            if incoming.done():
                continue
            asking = asyncio.ensure_future(self._answer(question, data))
            try:
                await asyncio.wait((incoming, asking), return_when=asyncio.FIRST_COMPLETED)
            finally:
                if not asking.done():
                    asking.cancel()
                    await asyncio.gather(asking, return_exceptions=True)
            if not asking.cancelled():
                asking.result()

    def _next_message(self) -> asyncio.Future[bytes]:
        return asyncio.ensure_future(receive(self._connection, MOST_BYTES))

    async def _ask(self, question: Question, data: bytes) -> Answer:
        try:
            return await self._reranker.ask(question, data)
        except Exception as error:  # of a library: nothing from the network may end the relay
            self._report(f"the HTTP client failed: {place_of(error)}")
            return Answer(question.session, (), AnswerFault.UNREACHABLE)

    async def _answer(self, question: Question, data: bytes) -> None:
        remaining = self._rate_limit.spend(time.monotonic())
        if remaining is None:
            answer = Answer(question.session, (), AnswerFault.RATE)
        else:
            self._rate_limit = remaining
            answer = await self._ask(question, data)
        if answer.fault:
            self._faults[answer.fault] += 1
            self._report(
                f"the reranker: {answer.fault} ({self._faults[answer.fault]} since the start)"
            )
        send(self._connection, encode_answer(answer))
