"""HTTPS client of the reranker, with a time budget and strict checks.

It sends the bytes of a validated question unchanged and always returns an `Answer`. A network
error, a captive portal or an invalid response becomes a fault in that answer.

A request has no header that links it to another one or identifies this device: it stores no
cookies, and sends neither User-Agent nor a list of encodings.
"""

from __future__ import annotations

import asyncio
import hashlib
import os
import random
import ssl
import urllib.request
from http.cookiejar import CookieJar
from importlib.util import find_spec
from pathlib import Path
from types import TracebackType
from typing import Self

import httpx

from auricle.config.schema import RerankerSettings
from auricle.config.secret_file import fault_of_secret
from auricle.errors import RelayError
from auricle.relay.answers import AnswerFault, read_body
from auricle.wire.schema import MOST_ANSWER_BYTES, Answer, Question

CREDENTIAL = "reranker-token"  # systemd.exec(5), LoadCredential=
BUSY_STATUSES = frozenset({429, 502, 503, 504})
MOST_TRIES = 3
FIRST_PAUSE = 0.02  # longest pause in seconds before the first retry; doubles with each retry
IDLE_SECONDS = 300.0  # keeps an idle connection, because a handshake is slow
LONGEST_TOKEN = 4096  # characters


class NoCookies(CookieJar):
    """Ignores the cookies of every response: they would link one question to the next."""

    def extract_cookies(self, response: object, request: urllib.request.Request) -> None:
        """Store nothing, and do not parse what the server sent."""


class Reranker:
    """Use as `async with Reranker(settings) as reranker`."""

    def __init__(self, settings: RerankerSettings) -> None:
        """Prepare; the first question opens the connection."""
        self._settings = settings
        self._client = httpx.AsyncClient(
            http2=find_spec("h2") is not None,
            verify=make_context(settings.pin),
            cookies=NoCookies(),
            timeout=settings.budget_ms / 1000,
            limits=httpx.Limits(max_connections=2, keepalive_expiry=IDLE_SECONDS),
            follow_redirects=False,  # send lattices only to the configured host
            trust_env=False,  # ignore proxy variables
        )
        for name in list(self._client.headers):  # those of httpx; one is its name and version
            del self._client.headers[name]
        self._client.headers.update(make_headers(read_token(settings)))

    async def __aenter__(self) -> Self:
        """Return the client itself."""
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        """Close all connections."""
        await self._client.aclose()

    async def ask(self, question: Question, data: bytes) -> Answer:
        """Return the answer to a question within the time budget.

        Args:
            question: the validated question.
            data: its encoding.
        """
        fault = AnswerFault.LATE
        try:
            async with asyncio.timeout(self._settings.budget_ms / 1000):
                for attempt in range(MOST_TRIES):
                    outcome = await self._try(question, data)
                    if isinstance(outcome, Answer):
                        return outcome
                    fault = outcome
                    if fault not in (AnswerFault.BUSY, AnswerFault.UNREACHABLE):
                        break
                    await asyncio.sleep(random.uniform(0, FIRST_PAUSE * 2**attempt))
        except TimeoutError:
            fault = AnswerFault.LATE if fault is not AnswerFault.BUSY else fault
        return Answer(question.session, (), fault)

    async def _try(self, question: Question, data: bytes) -> Answer | AnswerFault:
        try:
            async with self._client.stream("POST", self._settings.url, content=data) as response:
                refused = _refusal(response)
                if refused is not None:
                    return refused
                body = b""
                # Raw bytes: decompression could make a small body very large.
                async for part in response.aiter_raw():
                    body += part
                    if len(body) > MOST_ANSWER_BYTES:
                        return AnswerFault.LARGE
        except httpx.TimeoutException:
            return AnswerFault.LATE
        except (httpx.HTTPError, ssl.SSLError, OSError) as error:
            return AnswerFault.CERTIFICATE if _is_about_tls(error) else AnswerFault.UNREACHABLE
        return read_body(question, body)


def make_headers(token: str) -> dict[str, str]:
    """Return all headers of a request, except those of its length and host.

    Args:
        token: the bearer token; empty without one.
    """
    headers = {
        "accept": "application/json",
        "accept-encoding": "identity",  # the answer is read without decompression
        "content-type": "application/json",
    }
    return headers | ({"authorization": f"Bearer {token}"} if token else {})


def make_context(pin: str | None) -> ssl.SSLContext:
    """Return a TLS context.

    Args:
        pin: `sha256:` and the digest of the only certificate to accept; its issuer and its host
            name are not checked. None accepts any certificate that the system's authorities
            have signed.
    """
    context = ssl.create_default_context()
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    if pin is not None:
        context.check_hostname = False
        context.verify_mode = ssl.CERT_NONE  # the handshake compares the digest instead
        context.sslobject_class = _pinned(pin.removeprefix("sha256:"))
    return context


def _pinned(digest: str) -> type[ssl.SSLObject]:
    class PinnedObject(ssl.SSLObject):
        """A TLS connection that accepts only the pinned certificate."""

        def do_handshake(self) -> None:
            super().do_handshake()
            certificate = self.getpeercert(binary_form=True)
            if certificate is None or hashlib.sha256(certificate).hexdigest() != digest:
                raise ssl.SSLCertVerificationError("the certificate is not the pinned one")

    return PinnedObject


def _refusal(response: httpx.Response) -> AnswerFault | None:
    """Return the fault of a response whose body need not be read, or None."""
    if response.status_code in BUSY_STATUSES:
        return AnswerFault.BUSY
    if response.status_code != httpx.codes.OK:
        return AnswerFault.STATUS
    kind = response.headers.get("content-type", "").partition(";")[0].strip()
    return None if kind.lower() == "application/json" else AnswerFault.FORM


def read_token(settings: RerankerSettings) -> str:
    """Return the bearer token from systemd's credential or from the file; empty without one.

    Raises:
        RelayError: the token cannot be read, other users can read it, or it is invalid.
    """
    folder = os.environ.get("CREDENTIALS_DIRECTORY")
    file = Path(folder) / CREDENTIAL if folder else None
    if file is None or not file.exists():
        if settings.token_file is None:
            return ""
        file = Path(settings.token_file)
    try:
        with file.open(encoding="ascii") as content:
            fault = fault_of_secret(file, os.fstat(content.fileno()), {os.geteuid()})
            token = content.read(LONGEST_TOKEN + 1).strip()
    except (OSError, UnicodeError) as error:
        raise RelayError(
            f"privacy.reranker.token_file: {file}: cannot be read as a token ({error}); let the "
            f"relay's user read it, or pass it as the systemd credential {CREDENTIAL}"
        ) from error
    if fault is not None:
        raise RelayError(f"privacy.reranker.token_file: {file}: {fault}")
    if not token or len(token) > LONGEST_TOKEN or not token.isprintable() or " " in token:
        raise RelayError(
            f"privacy.reranker.token_file: {file}: holds no token; write one line without spaces"
        )
    return token


def _is_about_tls(error: BaseException | None) -> bool:
    """Return whether an error or one of its causes is a TLS error."""
    while error is not None:
        if isinstance(error, ssl.SSLError):
            return True
        error = error.__cause__ or error.__context__
    return False
