"""The start of the daemon: what is cheap comes first, and the bus name before the models."""

from __future__ import annotations

import asyncio
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from auricle.cli.main import main
from auricle.client.client import AssistantClient
from auricle.dbus.connection import Connection
from auricle.dbus.names import BUS_NAME
from auricle.diagnosis.bus import find_owner
from auricle.service import service
from testbed.private_bus import PrivateBus

DEMO = Path(__file__).parents[2] / "models" / "demo" / "command.flac"
SECONDS = 30.0
# A daemon whose models load for a minute, or until the file in its first argument exists.
SLOW = """
import pathlib, sys, time
from auricle.cli import start
from auricle.service import service

load, go = service.load_models, pathlib.Path(sys.argv.pop(1))

def load_slowly(*arguments, **options):
    end = time.monotonic() + 60
    while not go.exists() and time.monotonic() < end:
        time.sleep(0.02)
    return load(*arguments, **options)

service.load_models = load_slowly
start.start()
"""


@contextmanager
def slow_daemon(bus: PrivateBus, folder: Path) -> Iterator[subprocess.Popen[str]]:
    """Run a daemon that owns its name and still loads its models."""
    config = folder / "auricle.yaml"
    config.write_text("wake: {models: [alexa]}\n", encoding="utf-8")
    words = ["run", "--config", config, "--bus", bus.address, "--audio", DEMO]
    process = subprocess.Popen(
        [sys.executable, "-c", SLOW, folder / "go", *words],
        env={**os.environ, "STATE_DIRECTORY": str(folder / "state")},
        stderr=subprocess.PIPE,
        text=True,
    )
    try:
        end = time.monotonic() + SECONDS
        while asyncio.run(find_owner(bus.address)) is None:
            assert process.poll() is None
            assert time.monotonic() < end
            time.sleep(0.05)
        yield process
    finally:
        process.kill()
        process.communicate()


def test_status_says_starting_and_calls_wait_until_the_models_are_loaded(
    bus: PrivateBus, tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    async def listen() -> str:
        async with AssistantClient(bus.address) as client:
            session = asyncio.ensure_future(client.listen())
            await client.status()  # the daemon has received the call before this one
            assert not session.done()
            (tmp_path / "go").touch()
            async with asyncio.timeout(SECONDS):
                return await session

    with slow_daemon(bus, tmp_path):
        assert main(["status", "--bus", bus.address]) == 0
        assert "State:      starting\n" in capfd.readouterr().out
        assert asyncio.run(listen())
        assert main(["status", "--bus", bus.address]) == 0
        assert "Language:   en\n" in capfd.readouterr().out


def test_a_reload_while_the_models_are_loaded_is_done_afterwards(
    bus: PrivateBus, tmp_path: Path
) -> None:
    async def wake_words() -> object:
        async with AssistantClient(bus.address) as client:
            return (await client.status())["WakeWords"]

    with slow_daemon(bus, tmp_path) as process:
        (tmp_path / "auricle.yaml").write_text("wake: {models: [okay_nabu]}\n", encoding="utf-8")
        process.send_signal(signal.SIGHUP)
        (tmp_path / "go").touch()
        end = time.monotonic() + SECONDS
        while (words := asyncio.run(wake_words())) != ["okay_nabu"] and time.monotonic() < end:
            time.sleep(0.1)
        assert words == ["okay_nabu"]


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_signal_ends_the_daemon_at_once_while_it_loads_its_models(
    bus: PrivateBus, tmp_path: Path, number: signal.Signals
) -> None:
    with slow_daemon(bus, tmp_path) as process:
        began = time.monotonic()
        process.send_signal(number)
        _, log = process.communicate(timeout=SECONDS)
        assert process.returncode == 0
        assert time.monotonic() - began < 10  # the models load for a minute
    assert "Traceback" not in log
    assert " ready: " not in log


def refuse_to_load(*_: object, **__: object) -> None:
    raise AssertionError("the models were loaded before the cheap checks")


@pytest.fixture
def no_models(monkeypatch: pytest.MonkeyPatch) -> None:
    """Fail if the daemon loads models or opens a microphone."""
    monkeypatch.setattr(service, "load_models", refuse_to_load)
    monkeypatch.setattr("auricle.audio.microphone.Microphone.open", refuse_to_load)


@pytest.mark.usefixtures("no_models")
def test_a_bus_that_cannot_be_reached_is_found_before_the_models_are_loaded(
    tmp_path: Path, capfd: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    config = tmp_path / "auricle.yaml"
    config.touch()
    monkeypatch.setenv("STATE_DIRECTORY", str(tmp_path / "state"))
    words = ["run", "--config", str(config), "--bus", f"unix:path={tmp_path}/nobody"]
    assert main(words) == 1
    assert "cannot be reached" in capfd.readouterr().err.splitlines()[-1]


@contextmanager
def name_taken(address: str) -> Iterator[None]:
    """Own the name of the daemon, from another thread."""
    loop = asyncio.new_event_loop()
    thread = threading.Thread(target=loop.run_forever)
    thread.start()

    async def take() -> Connection:
        connection = await Connection.open(address)
        await connection.ask_daemon("RequestName", "su", BUS_NAME, 0)
        return connection

    connection = asyncio.run_coroutine_threadsafe(take(), loop).result()
    try:
        yield
    finally:
        asyncio.run_coroutine_threadsafe(connection.close(), loop).result()
        loop.call_soon_threadsafe(loop.stop)
        thread.join()
        loop.close()


@pytest.mark.usefixtures("no_models")
def test_a_name_that_is_taken_is_found_before_anything_of_the_other_daemon_is_touched(
    bus: PrivateBus,
    tmp_path: Path,
    capfd: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    socket = tmp_path / "relay" / "lattices"
    socket.parent.mkdir()
    socket.touch()  # of the other daemon
    monkeypatch.setenv("AURICLE_RELAY_SOCKET", str(socket))
    monkeypatch.setenv("STATE_DIRECTORY", str(tmp_path / "state"))
    config = tmp_path / "auricle.yaml"
    config.touch()

    with name_taken(bus.address):
        assert main(["run", "--config", str(config), "--bus", bus.address]) == 1
    last = capfd.readouterr().err.splitlines()[-1]
    assert last.startswith(f"auricle: {BUS_NAME} belongs to process {os.getpid()} already")
    assert socket.exists()
