"""A reranker that does what a test wants: a real HTTPS server with a certificate of its own making.

Needs the Debian package openssl. It runs in a thread with an event loop of its own.
"""

from __future__ import annotations

import asyncio
import hashlib
import json
import ssl
import subprocess
import threading
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Any, Self

READ_SECONDS = 10.0


@dataclass(frozen=True, slots=True)
class Reply:
    """What is sent back, and how."""

    body: bytes
    status: str = "200 OK"
    kind: str = "application/json"
    seconds: float = 0.0  # for which it waits before
    header: str = ""  # one more


Answer = Callable[[dict[str, Any]], Reply]  # of a question, as JSON


def in_order(question: dict[str, Any], *texts: str) -> Reply:
    """Return an honest answer with these readings, best first."""
    readings = [[text, -float(place)] for place, text in enumerate(texts)]
    content = {"version": 1, "session": question["session"], "readings": readings}
    return Reply(json.dumps(content).encode())


def least_likely(question: dict[str, Any]) -> Reply:
    """Answer with a reading that the recogniser would not have chosen."""
    words, arcs = question["words"], question["arcs"]
    state, text = 0, []
    while state != max(arc[1] for arc in arcs):
        arc = min((arc for arc in arcs if arc[0] == state), key=lambda arc: arc[3])
        text.append(words[arc[2]])
        state = arc[1]
    return in_order(question, " ".join(text))


class FakeReranker:
    """Serves as long as its `with` block lasts; `questions` holds the bodies that came."""

    def __init__(self, folder: Path, answer: Answer, host: str = "127.0.0.1") -> None:
        """`folder` takes the certificate; `answer` may be replaced at any time."""
        self.answer = answer
        self.questions: list[bytes] = []
        self.tokens: list[str] = []
        self.port = 0
        self.certificate = folder / "certificate.pem"
        self._key = folder / "key.pem"
        self._host = host
        self._loop = asyncio.new_event_loop()
        self._started = threading.Event()
        self._thread = threading.Thread(target=self._run, daemon=True)

    @property
    def url(self) -> str:
        """Where it is asked."""
        return f"https://{self._host}:{self.port}/v1/rerank"

    @property
    def pin(self) -> str:
        """The digest of its certificate, as the configuration takes it."""
        der = ssl.PEM_cert_to_DER_cert(self.certificate.read_text(encoding="ascii"))
        return f"sha256:{hashlib.sha256(der).hexdigest()}"

    def __enter__(self) -> Self:
        """Make a certificate and start; it can be asked on return."""
        make_certificate(self.certificate, self._key, self._host)
        self._thread.start()
        self._started.wait(READ_SECONDS)
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        """Stop."""
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join()

    def _run(self) -> None:
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(self.certificate, self._key)
        asyncio.set_event_loop(self._loop)
        server = self._loop.run_until_complete(
            asyncio.start_server(self._serve, self._host, 0, ssl=context)
        )
        self.port = server.sockets[0].getsockname()[1]
        self._started.set()
        self._loop.run_forever()
        server.close()
        for task in asyncio.all_tasks(self._loop):
            task.cancel()
        self._loop.run_until_complete(asyncio.sleep(0.05))
        self._loop.close()

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            while True:
                head = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1")
                headers = dict(
                    line.lower().split(": ", 1) for line in head.split("\r\n")[1:] if ": " in line
                )
                body = await reader.readexactly(int(headers.get("content-length", "0")))
                self.questions.append(body)
                self.tokens.append(headers.get("authorization", ""))
                reply = self.answer(json.loads(body))
                await asyncio.sleep(reply.seconds)
                more = f"{reply.header}\r\n" if reply.header else ""
                writer.write(
                    f"HTTP/1.1 {reply.status}\r\ncontent-type: {reply.kind}\r\n{more}"
                    f"content-length: {len(reply.body)}\r\n\r\n".encode()
                    + reply.body
                )
                await writer.drain()
        except (asyncio.IncompleteReadError, OSError, asyncio.CancelledError):
            writer.close()


def make_certificate(certificate: Path, key: Path, host: str) -> None:
    """Write a self-made certificate for an address, and its key."""
    command = ["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256"]
    command += ["-nodes", "-days", "2", "-subj", "/CN=reranker", "-keyout", str(key)]
    command += ["-addext", f"subjectAltName=IP:{host}", "-out", str(certificate)]
    subprocess.run(command, check=True, capture_output=True)
