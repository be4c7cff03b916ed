"""Runs the service: certificate, token, address, and uvicorn.

In: the options of the command line. Out: a server, which tests and benchmarks can also run inside
their own process.
"""

from __future__ import annotations

import socket
from dataclasses import dataclass
from pathlib import Path

import uvicorn

from auricle.errors import ArgumentError, ModelError
from reranker import language_model
from reranker.application import PATH, make_application
from reranker.batching import BatchOptions
from reranker.hugging_face import HuggingFaceLanguage
from reranker.ranking import Ranker, Weights

LEAST_TOKEN = 16  # characters; shorter tokens can be guessed
LONGEST_TOKEN = 4096
CONNECTIONS = 512  # maximum concurrent connections; more get 503
KEEP_SECONDS = 310  # keep-alive, longer than the relay's, so that the relay closes first
GRACE_SECONDS = 5  # for running requests when the service stops


@dataclass(frozen=True, slots=True, kw_only=True)
class Endpoint:
    """Address, certificate and token of the service."""

    host: str
    port: int  # 0: any free port
    certificate: Path | None  # certificate chain (PEM); None: no TLS, behind a load balancer
    key: Path | None
    token: str


def serve(ranker: Ranker, endpoint: Endpoint, options: BatchOptions) -> None:
    """Run the server until a signal stops it.

    Raises:
        ArgumentError: the address, certificate or key cannot be used.
    """
    server = make_server(ranker, endpoint, options)
    try:
        family = socket.AF_INET6 if ":" in endpoint.host else socket.AF_INET
        listener = socket.create_server((endpoint.host, endpoint.port), family=family)
    except OSError as error:
        raise ArgumentError(
            f"--host, --port: cannot listen on {endpoint.host}, {endpoint.port} "
            f"({error.strerror}); use an address of this machine and a free port"
        ) from error
    with listener:
        host = f"[{endpoint.host}]" if ":" in endpoint.host else endpoint.host
        scheme = "http" if endpoint.certificate is None else "https"
        port = listener.getsockname()[1]
        print(f"reranker: answers at {scheme}://{host}:{port}{PATH}", flush=True)
        server.run(sockets=[listener])


def make_server(ranker: Ranker, endpoint: Endpoint, options: BatchOptions) -> uvicorn.Server:
    """Return a server.

    Raises:
        ArgumentError: certificate or key cannot be used.
    """
    config = uvicorn.Config(
        make_application(ranker, endpoint.token, options),
        host=endpoint.host,
        port=endpoint.port,
        ssl_certfile=endpoint.certificate,
        ssl_keyfile=endpoint.key,
        log_level="warning",
        access_log=False,  # do not log who asked when
        server_header=False,
        limit_concurrency=CONNECTIONS,
        timeout_keep_alive=KEEP_SECONDS,
        timeout_graceful_shutdown=GRACE_SECONDS,
        workers=1,  # run more processes behind a load balancer instead
    )
    try:
        config.load()
    except OSError as error:  # ssl.SSLError is one
        raise ArgumentError(
            f"--certificate, --key: {endpoint.certificate}, {endpoint.key}: cannot be used "
            f"({error}); name the PEM files of a certificate and its key"
        ) from error
    return uvicorn.Server(config)


def read_token(file: Path) -> str:
    """Return the token in a file.

    Raises:
        ArgumentError: the file cannot be read, or its token is not valid.
    """
    try:
        token = file.read_text(encoding="ascii").strip()
    except (OSError, UnicodeError) as error:
        raise ArgumentError(f"--token-file: {file}: cannot be read ({error})") from error
    whole = token.isprintable() and " " not in token
    if not whole or not LEAST_TOKEN <= len(token) <= LONGEST_TOKEN:
        raise ArgumentError(
            f"--token-file: {file}: must hold one line of {LEAST_TOKEN} to {LONGEST_TOKEN} "
            "characters without blanks; `openssl rand -hex 32` makes one"
        )
    return token


def load_language(model: str) -> tuple[language_model.Language, Weights]:
    """Return the language model of a bundle, or of Hugging Face for `hf:NAME`.

    Raises:
        ModelError: there is no such model, or it cannot be loaded.
    """
    if model.startswith("hf:"):
        return HuggingFaceLanguage.load(model.removeprefix("hf:")), Weights()
    if not Path(model, "manifest.yaml").exists():
        raise ModelError(f"--model: {model}: is neither a bundle nor hf:NAME; use one of them")
    _, language, weights = language_model.load(Path(model))
    return language, weights
