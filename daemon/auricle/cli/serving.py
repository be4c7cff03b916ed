"""Runs a process that follows the daemon until it is stopped."""

from __future__ import annotations

import asyncio
import contextlib
import signal
import sys
from collections.abc import Callable, Coroutine
from typing import Any


def serve(work: Coroutine[Any, Any, None]) -> None:
    """Run `work` until it ends or SIGTERM comes."""
    asyncio.run(_until_sigterm(work))


def journal_of(command: str) -> Callable[[str], None]:
    """Return a function that writes a sentence to standard error, and systemd to the journal."""

    def tell(sentence: str) -> None:
        sys.stderr.write(f"auricle {command}: {sentence}\n")
        sys.stderr.flush()

    return tell


async def _until_sigterm(work: Coroutine[Any, Any, None]) -> None:
    task = asyncio.ensure_future(work)
    asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, task.cancel)
    with contextlib.suppress(asyncio.CancelledError):
        await task
