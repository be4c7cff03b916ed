"""A fake reranker for tests: an HTTPS server with a self-signed certificate and scripted answers.

Needs the Debian package openssl. The server runs in its own thread and event loop.
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
from typing import Any, Self

from h2.config import H2Configuration
from h2.connection import H2Connection
from h2.events import DataReceived, RequestReceived, StreamEnded

from testbed.patience import patience

READ_SECONDS = 10.0


@dataclass(frozen=True, slots=True)
class Reply:
    """An HTTP response."""

    body: bytes
    status: str = "200 OK"
    kind: str = "application/json"  # content type
    seconds: float = 0.0  # delay before the response
    header: str = ""  # one additional header line


Answer = Callable[[dict[str, Any]], Reply]  # from the JSON of a request


def in_order(question: dict[str, Any], *texts: str) -> Reply:
    """Return a valid response with these readings, best first."""
    readings = [[text, -float(place)] for place, text in enumerate(texts)]
    content = {"version": 1, "session": question["session"], "readings": readings}
    return Reply(json.dumps(content).encode())


def least_likely(question: dict[str, Any]) -> Reply:
    """Return a response with an improbable reading: the lowest-scored arc from each state."""
    words, arcs = question["words"], question["arcs"]
    state, text = 0, []
    while state != max(arc[1] for arc in arcs):
        arc = min((arc for arc in arcs if arc[0] == state), key=lambda arc: arc[3])
        text.append(words[arc[2]])
        state = arc[1]
    return in_order(question, " ".join(text))


class FakeReranker:
    """Serves during its `with` block; `questions` has the bodies of all requests."""

    def __init__(
        self,
        folder: Path,
        answer: Answer,
        host: str = "127.0.0.1",
        protocols: tuple[str, ...] = ("http/1.1",),
    ) -> None:
        """Set up the server without starting it.

        Args:
            folder: folder for the certificate and its key.
            answer: creates the response; may be replaced at any time.
            host: address to listen on.
            protocols: ALPN names of the protocols: `h2`, `http/1.1`.
        """
        self.answer = answer
        self.questions: list[bytes] = []
        self.tokens: list[str] = []
        self.versions: list[str] = []  # HTTP version of each request
        self.headers: list[dict[str, str]] = []  # of each request, with names in lower case
        self.port = 0
        self.certificate = folder / "certificate.pem"
        self._key = folder / "key.pem"
        self._host = host
        self._protocols = list(protocols)
        self._loop = asyncio.new_event_loop()
        self._started = threading.Event()
        self._thread = threading.Thread(target=self._run, daemon=True)

    @property
    def url(self) -> str:
        """URL for requests."""
        return f"https://{self._host}:{self.port}/v1/rerank"

    @property
    def pin(self) -> str:
        """Pin of the certificate for the configuration."""
        der = ssl.PEM_cert_to_DER_cert(self.certificate.read_text(encoding="ascii"))
        return f"sha256:{hashlib.sha256(der).hexdigest()}"

    def __enter__(self) -> Self:
        """Create a certificate and start the server; return when it listens."""
        make_certificate(self.certificate, self._key, self._host)
        self._thread.start()
        self._started.wait(patience(READ_SECONDS))
        return self

    def __exit__(self, *_: object) -> None:
        """Stop the server."""
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join()

    def _run(self) -> None:
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(self.certificate, self._key)
        context.set_alpn_protocols(self._protocols)
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
            if writer.get_extra_info("ssl_object").selected_alpn_protocol() == "h2":
                await self._serve_http2(reader, writer)
            while True:
                await self._serve_one(reader, writer)
        except (asyncio.IncompleteReadError, OSError, asyncio.CancelledError):
            writer.close()

    async def _serve_one(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        head = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1")
        headers = dict(
            line.lower().split(": ", 1) for line in head.split("\r\n")[1:] if ": " in line
        )
        body = await reader.readexactly(int(headers.get("content-length", "0")))
        reply = await self._reply("1.1", headers, body)
        more = f"{reply.header}\r\n" if reply.header else ""
        writer.write(
            f"HTTP/1.1 {reply.status}\r\ncontent-type: {reply.kind}\r\n{more}"
            f"content-length: {len(reply.body)}\r\n\r\n".encode()
            + reply.body
        )
        await writer.drain()

    async def _serve_http2(
        self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter
    ) -> None:
        connection = H2Connection(H2Configuration(client_side=False, header_encoding="utf-8"))
        connection.initiate_connection()
        headers: dict[int, dict[str, str]] = {}
        bodies: dict[int, bytes] = {}
        while True:
            writer.write(connection.data_to_send())
            data = await reader.read(65536)
            if not data:
                raise asyncio.IncompleteReadError(b"", None)
            for event in connection.receive_data(data):
                match event:
                    case RequestReceived(stream_id=stream, headers=given):
                        headers[stream], bodies[stream] = dict(given), b""
                    case DataReceived(stream_id=stream, data=part):
                        bodies[stream] += part
                    case StreamEnded(stream_id=stream):
                        reply = await self._reply("2", headers[stream], bodies[stream])
                        told = [(":status", reply.status[:3]), ("content-type", reply.kind)]
                        if reply.header:
                            name, value = reply.header.split(": ", 1)
                            told.append((name.lower(), value))
                        connection.send_headers(stream, told)
                        connection.send_data(stream, reply.body, end_stream=True)

    async def _reply(self, version: str, headers: dict[str, str], body: bytes) -> Reply:
        """Record a request and return the response."""
        self.questions.append(body)
        self.tokens.append(headers.get("authorization", ""))
        self.versions.append(version)
        self.headers.append(headers)
        reply = self.answer(json.loads(body))
        await asyncio.sleep(reply.seconds)
        return reply


def make_certificate(certificate: Path, key: Path, host: str) -> None:
    """Write a self-signed certificate for an IP address, and its key."""
    command = ["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256"]
    command += ["-nodes", "-days", "2", "-subj", "/CN=reranker", "-keyout", str(key)]
    command += ["-addext", f"subjectAltName=IP:{host}", "-out", str(certificate)]
    subprocess.run(command, check=True, capture_output=True)
