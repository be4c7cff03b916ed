"""Any bytes as a request to the reranker: they get an answer or a fault, never a failure."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Sequence
from typing import Any

import h11
from hypothesis import given, settings

from auricle.wire.schema import LatticeReading, Question
from fuzzing.strategies import inputs_of
from reranker.application import make_application

TOKEN = "fuzz-token-of-the-tests"
STATUSES = {200, 307, 400, 401, 404, 405, 408, 413, 415, 429}


class FirstWords:
    """A ranker that returns the first word of each question."""

    def rank(self, questions: Sequence[Question]) -> list[tuple[LatticeReading, ...]]:
        """Return one reading for each question."""
        return [(LatticeReading(question.words[0], -1.0),) for question in questions]


def fuzz_one(data: bytes) -> None:
    """Send a request; raise AssertionError unless the status and the body are documented."""
    request = parsed(data)
    if request is None:
        return
    status, body = asyncio.run(answer(*request))
    assert status in STATUSES
    if status != 307 and request[0]["method"] != "HEAD":
        content = json.loads(body)
        assert content["version"] == 1
        assert ("readings" in content) or ("error" in content) or ("status" in content)


def parsed(data: bytes) -> tuple[dict[str, Any], list[bytes]] | None:
    """Return the ASGI scope and the pieces of the body; None if it is not HTTP/1.1."""
    connection = h11.Connection(h11.SERVER)
    scope: dict[str, Any] | None = None
    pieces: list[bytes] = []
    try:
        connection.receive_data(data)
        connection.receive_data(b"")
        while True:
            event = connection.next_event()
            match event:
                case h11.Request():
                    path, _, query = event.target.partition(b"?")
                    scope = {
                        "type": "http",
                        "asgi": {"version": "3.0"},
                        "http_version": event.http_version.decode(),
                        "method": event.method.decode("ascii").upper(),
                        "scheme": "https",
                        "path": path.decode("latin-1"),
                        "raw_path": path,
                        "query_string": query,
                        "root_path": "",
                        "headers": [(name.lower(), value) for name, value in event.headers],
                        "client": ("127.0.0.1", 1),
                        "server": ("127.0.0.1", 443),
                    }
                case h11.Data():
                    pieces.append(bytes(event.data))
                case _:
                    return None if scope is None else (scope, pieces)
    except h11.RemoteProtocolError:
        return None if scope is None else (scope, pieces)


async def answer(scope: dict[str, Any], pieces: list[bytes]) -> tuple[int, bytes]:
    """Return status and body of the application's answer."""
    application = make_application(FirstWords(), TOKEN)
    waiting = [*pieces, b""]
    sent: list[dict[str, Any]] = []

    async def receive() -> dict[str, Any]:
        if not waiting:
            return {"type": "http.disconnect"}
        piece = waiting.pop(0)
        return {"type": "http.request", "body": piece, "more_body": bool(waiting)}

    async def send(message: dict[str, Any]) -> None:
        sent.append(message)

    async with application.router.lifespan_context(application):
        await application(scope, receive, send)
    body = b"".join(message.get("body", b"") for message in sent)
    return int(sent[0]["status"]), body


@given(inputs_of("reranker_requests"))
@settings(max_examples=50)
def test_any_request_is_answered(data: bytes) -> None:
    fuzz_one(data)
