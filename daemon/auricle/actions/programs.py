"""Runs the programs in the folder actions.d, each with the JSON of a result on standard input.

In: a result. Out: how each program has ended. A program has no standard output, no standard error
and a minimal environment; it is ended, with all that it started, after a time-out. A file that
others could have changed is not run. What was said is written nowhere but to these programs.
"""

from __future__ import annotations

import asyncio
import contextlib
import os
import signal
import stat
import time
from collections.abc import AsyncIterator, Iterator
from dataclasses import dataclass
from pathlib import Path

ENVIRONMENT = {"PATH": "/usr/local/bin:/usr/bin:/bin", "LANG": "C.UTF-8"}
END_SECONDS = 1.0  # between SIGTERM and SIGKILL


@dataclass(frozen=True, slots=True)
class ActionEnd:
    """How a program has ended."""

    name: str
    seconds: float  # how long it ran
    status: int | None = None  # exit status, negative for a signal; None: it did not run to its end
    fault: str = ""  # why it did not run, or that it took too long

    def __str__(self) -> str:
        """Return a sentence for the journal; it holds nothing that was said."""
        if self.fault:
            return f"action {self.name}: {self.fault}"
        return f"action {self.name}: exit status {self.status} after {self.seconds:.1f} s"


def programs_in(folder: Path) -> Iterator[tuple[Path, str]]:
    """Yield the programs of a folder in the order of their names, with why each may not run.

    Hidden files and files that are not executable are left out.
    """
    try:
        found = sorted(entry for entry in folder.iterdir() if entry.name[0] != ".")
    except FileNotFoundError:
        return
    fault = _unsafe(folder)
    for path in found:
        try:
            about = path.stat()
        except OSError:
            continue
        if stat.S_ISREG(about.st_mode) and about.st_mode & 0o111:
            yield path, fault or _unsafe(path)


def _unsafe(path: Path) -> str:
    """Return why a file or folder is not trusted; empty if only root or this user can write it."""
    about = path.stat()
    if about.st_uid not in (0, os.getuid()):
        return f"{path} belongs to another user; make root its owner"
    if about.st_mode & (stat.S_IWGRP | stat.S_IWOTH):
        return f"{path} can be changed by others; run `chmod go-w {path}`"
    return ""


async def run_programs(folder: Path, content: bytes, seconds: float) -> AsyncIterator[ActionEnd]:
    """Run the programs of a folder one after the other; yield how each has ended.

    Args:
        folder: the folder, which may be missing.
        content: what each program gets on standard input.
        seconds: longest run of a program.
    """
    for path, fault in list(programs_in(folder)):
        if fault:
            yield ActionEnd(path.name, 0.0, fault=f"not run: {fault}")
        else:
            yield await _run(path, content, seconds)


async def _run(path: Path, content: bytes, seconds: float) -> ActionEnd:
    begin = time.monotonic()
    try:
        process = await asyncio.create_subprocess_exec(
            path,
            stdin=asyncio.subprocess.PIPE,
            stdout=asyncio.subprocess.DEVNULL,
            stderr=asyncio.subprocess.DEVNULL,
            env=ENVIRONMENT,
            cwd="/",
            start_new_session=True,
        )
    except OSError as error:
        return ActionEnd(path.name, 0.0, fault=f"cannot be run ({error.strerror})")
    try:
        async with asyncio.timeout(seconds):
            await process.communicate(content)
    except TimeoutError:
        return ActionEnd(
            path.name,
            time.monotonic() - begin,
            fault=f"ended after {seconds:g} s (actions.timeout_seconds)",
        )
    finally:
        await _end(process)
    return ActionEnd(path.name, time.monotonic() - begin, process.returncode)


async def _end(process: asyncio.subprocess.Process) -> None:
    """End a program and all that it has started and left in its process group."""
    if process.returncode is None:
        _signal_group(process.pid, signal.SIGTERM)
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(END_SECONDS):
                await process.wait()
    _signal_group(process.pid, signal.SIGKILL)
    await process.wait()


def _signal_group(group: int, number: signal.Signals) -> None:
    with contextlib.suppress(ProcessLookupError, PermissionError):
        os.killpg(group, number)
