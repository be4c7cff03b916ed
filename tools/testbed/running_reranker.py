"""Runs the reranker as a separate process, with TLS and a token.

Needs the Debian package openssl, to create a self-signed certificate.
"""

from __future__ import annotations

import hashlib
import os
import secrets
import ssl
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Self

from testbed.errors import StageError
from testbed.fake_reranker import make_certificate
from testbed.patience import patience

TOOLS = Path(__file__).parents[1]
BUNDLE = Path(__file__).parents[2] / "models" / "reranker-en"
STOP_SECONDS = 10.0


class RunningReranker:
    """Runs `python -m reranker serve` during its `with` block."""

    def __init__(self, folder: Path, arguments: Sequence[str] = ("--bundle", str(BUNDLE))) -> None:
        """Set up the service without starting it.

        Args:
            folder: folder for certificate, token and log.
            arguments: additional command-line arguments.
        """
        self.url = ""
        self.certificate = folder / "certificate.pem"
        self.token_file = folder / "token"
        self.log = folder / "reranker.log"
        self._key = folder / "key.pem"
        self._arguments = tuple(arguments)
        self._process: subprocess.Popen[str] | None = None

    @property
    def token(self) -> str:
        """Bearer token for requests."""
        return self.token_file.read_text(encoding="ascii").strip()

    @property
    def pin(self) -> str:
        """Pin of the certificate for the configuration."""
        der = ssl.PEM_cert_to_DER_cert(self.certificate.read_text(encoding="ascii"))
        return f"sha256:{hashlib.sha256(der).hexdigest()}"

    def __enter__(self) -> Self:
        """Start the service; return when it accepts requests."""
        make_certificate(self.certificate, self._key, "127.0.0.1")
        self.token_file.touch(mode=0o600)
        self.token_file.write_text(f"{secrets.token_hex(32)}\n", encoding="ascii")
        command = [sys.executable, "-m", "reranker", "serve", "--host", "127.0.0.1", "--port", "0"]
        command += ["--certificate", str(self.certificate), "--key", str(self._key)]
        command += ["--token-file", str(self.token_file), *self._arguments]
        paths = [str(TOOLS), *filter(None, [os.environ.get("PYTHONPATH")])]
        environment = {**os.environ, "PYTHONPATH": os.pathsep.join(paths)}
        with self.log.open("wb") as log:
            self._process = subprocess.Popen(
                command, env=environment, stdout=subprocess.PIPE, stderr=log, text=True
            )
        assert self._process.stdout is not None
        line = self._process.stdout.readline()
        if not line:
            self.__exit__(None, None, None)
            raise StageError(f"the reranker did not start; log:\n{self.log.read_text()}")
        self.url = line.split()[-1]
        return self

    def __exit__(self, *_: object) -> None:
        """Stop the service."""
        if self._process is not None:
            self._process.terminate()
            self._process.communicate(timeout=patience(STOP_SECONDS))

    @property
    def pid(self) -> int:
        """Process id of the service."""
        if self._process is None:
            raise StageError("the reranker has not been started; use it in a `with` block")
        return self._process.pid
