"""Ctrl-C at any moment ends a command without a traceback and without a crash."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from testbed.private_bus import PrivateBus
from testbed.running_daemon import RunningDaemon

DEMO = Path(__file__).parents[2] / "models" / "demo" / "command.flac"
# From the first instruction of Auricle on; before that, the interpreter itself starts.
MILLISECONDS = (0, 20, 50, 100, 200, 300, 400, 600, 800)
SECONDS = 30.0
INTERRUPTED = 130
KILLED = -signal.SIGINT  # the interpreter was ending already
# Tells the test by "!" when the first instruction runs.
LAUNCH = """
import os
from auricle.cli import start

run_main = start.run_main

def tell_and_run():
    os.write(1, b"!")
    return run_main()

start.run_main = tell_and_run
start.start()
"""
FAULTS = ("Traceback", "KeyboardInterrupt", "terminate called", "Exception ignored", "never")


def heed_interrupts() -> None:
    """Heed SIGINT, which a shell lets its background jobs ignore."""
    signal.signal(signal.SIGINT, signal.default_int_handler)


def interrupted(words: list[str], milliseconds: int, state: Path) -> tuple[int, str]:
    """Run a command, send SIGINT after a while, and return its exit status and standard error."""
    process = subprocess.Popen(
        [sys.executable, "-c", LAUNCH, *words],
        env={**os.environ, "STATE_DIRECTORY": str(state)},
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        preexec_fn=heed_interrupts,  # noqa: PLW1509 -- no other thread runs here
    )
    assert process.stdout is not None
    try:
        process.stdout.read(1)
        time.sleep(milliseconds / 1000)
        process.send_signal(signal.SIGINT)
        _, complaint = process.communicate(timeout=SECONDS)
    finally:
        process.kill()
    return process.returncode, complaint.decode()


@pytest.fixture(scope="module")
def served() -> Iterator[PrivateBus]:
    """A bus with a daemon, so that the clients have something to do."""
    with PrivateBus() as bus, RunningDaemon(bus.address, arguments=("--audio", str(DEMO))):
        yield bus


@pytest.mark.parametrize("command", ["status", "transcribe", "monitor", "listen"])
def test_an_interrupt_ends_a_command_quietly_at_any_moment(
    served: PrivateBus, tmp_path: Path, command: str
) -> None:
    words = {
        "status": ["status", "--bus", served.address],
        "transcribe": ["transcribe", str(DEMO)],
        "monitor": ["monitor", "--bus", served.address],
        "listen": ["listen", "--bus", served.address],
    }[command]
    for milliseconds in MILLISECONDS:
        status, complaint = interrupted(words, milliseconds, tmp_path)
        assert status in (INTERRUPTED, KILLED, 0), (milliseconds, complaint)
        assert not any(fault in complaint for fault in FAULTS), (milliseconds, complaint)
        assert len(complaint.splitlines()) <= 1, (milliseconds, complaint)
        if milliseconds == 0:
            assert (status, complaint) == (INTERRUPTED, "")


def test_an_interrupt_ends_the_daemon_quietly_at_any_moment(
    bus: PrivateBus, tmp_path: Path
) -> None:
    config = tmp_path / "auricle.yaml"
    config.write_text("wake: {models: [alexa]}\n", encoding="utf-8")
    words = ["run", "--config", str(config), "--bus", bus.address, "--audio", str(DEMO)]
    statuses = []
    for milliseconds in (*MILLISECONDS, 1500, 4000):
        status, log = interrupted(words, milliseconds, tmp_path / "state")
        statuses.append(status)
        assert not any(fault in log for fault in FAULTS), (milliseconds, log)
        if status == 0:
            assert " stopping: Auricle stops\n" in log, (milliseconds, log)
        else:
            assert (status, log) == (INTERRUPTED, ""), (milliseconds, log)
    assert statuses[0] == INTERRUPTED


def test_a_second_interrupt_during_the_end_is_quiet_too(bus: PrivateBus, tmp_path: Path) -> None:
    process = subprocess.Popen(
        [sys.executable, "-c", LAUNCH, "monitor", "--bus", bus.address],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        preexec_fn=heed_interrupts,  # noqa: PLW1509 -- no other thread runs here
    )
    assert process.stdout is not None
    process.stdout.read(1)
    time.sleep(0.2)
    for _ in range(200):
        process.send_signal(signal.SIGINT)
        time.sleep(0.002)
    _, complaint = process.communicate(timeout=SECONDS)
    assert process.returncode in (INTERRUPTED, KILLED)
    assert b"Traceback" not in complaint


def test_a_background_job_keeps_ignoring_interrupts() -> None:
    process = subprocess.Popen(
        [sys.executable, "-c", LAUNCH, "--help"],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_IGN),  # noqa: PLW1509 -- as above
    )
    assert process.stdout is not None
    process.stdout.read(1)
    process.send_signal(signal.SIGINT)
    told, _ = process.communicate(timeout=SECONDS)
    assert process.returncode == 0
    assert told.startswith(b"usage: auricle ")
