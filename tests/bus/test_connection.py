"""A missing or refusing bus is a clear error, and nothing stays open."""

from __future__ import annotations

import asyncio
import os

import pytest
from dbus_next.message import Message

from auricle.client.client import AssistantClient
from auricle.dbus.connection import Connection
from auricle.errors import BusError, NotRunningError


def open_descriptors() -> int:
    return len(os.listdir("/proc/self/fd"))


@pytest.mark.asyncio
@pytest.mark.parametrize("address", ["unix:path=/nonexistent/socket", "nonsense", "unix:", ""])
async def test_unreachable_bus_is_an_error_that_names_it(address):
    before = open_descriptors()
    with pytest.raises(BusError, match="cannot be reached"):
        await Connection.open(address)
    assert open_descriptors() == before


@pytest.mark.asyncio
@pytest.mark.parametrize("greeting", [b"", b"REJECTED EXTERNAL\r\n", b"WHAT?\r\n"])
async def test_bus_that_refuses_us_is_an_error(tmp_path, greeting):
    async def refuse(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readline()
        writer.write(greeting)
        writer.close()
        await writer.wait_closed()

    before = open_descriptors()
    path = tmp_path / "refusing"
    server = await asyncio.start_unix_server(refuse, path)
    with pytest.raises(BusError, match="cannot be reached"):
        await Connection.open(f"unix:path={path}")
    server.close()
    await server.wait_closed()
    await asyncio.sleep(0)
    assert open_descriptors() == before


@pytest.mark.asyncio
async def test_client_says_how_to_start_a_daemon_that_does_not_run(address):
    before = open_descriptors()
    with pytest.raises(NotRunningError, match="start it with `auricle run --bus "):
        async with AssistantClient(address):
            pass
    assert open_descriptors() == before


@pytest.mark.asyncio
async def test_session_bus_is_found_by_the_environment(address, serve, monkeypatch):
    monkeypatch.setenv("DBUS_SESSION_BUS_ADDRESS", address)
    async with serve(), AssistantClient("session") as client:
        assert (await client.status())["State"] == "idle"


@pytest.mark.asyncio
async def test_missing_session_bus_address_is_an_error(monkeypatch):
    for name in ("DBUS_SESSION_BUS_ADDRESS", "DISPLAY"):
        monkeypatch.delenv(name, raising=False)
    with pytest.raises(BusError, match="start one with `dbus-run-session"):
        await Connection.open("session")


@pytest.mark.asyncio
async def test_daemon_that_comes_and_goes_leaves_nothing_open(address, serve):
    before = open_descriptors()
    for _ in range(3):
        async with serve(), AssistantClient(address) as client:
            await client.subscribe()
            await client.listen()
    assert open_descriptors() == before


@pytest.mark.asyncio
async def test_calls_after_closing_are_errors(address, serve):
    async with serve():
        client = AssistantClient(address)
        async with client:
            await client.status()
        with pytest.raises(BusError, match="connect"):
            await client.status()
        with pytest.raises(BusError, match="async with"):
            await AssistantClient(address).status()


@pytest.mark.asyncio
async def test_reading_goes_on_once_per_turn_of_the_event_loop(address, monkeypatch):
    class Flooded:
        """A socket that always has more dropped messages."""

        def take(self):
            return None

        def receive(self):
            return True

        def close(self):
            pass

    connection = await Connection.open(address)
    reads = 0
    read_some = connection._read_some

    def counted():
        nonlocal reads
        reads += 1
        read_some()

    with monkeypatch.context() as patched:
        patched.setattr(connection, "_messages", Flooded())
        patched.setattr(connection, "_read_some", counted)
        for _ in range(10):  # the socket stays readable
            connection._message_reader()
            await asyncio.sleep(0)
    # Each turn reads for the readable socket, and once more for what was left.
    assert reads <= 2 * 10
    await connection.close()


@pytest.mark.asyncio
async def test_call_ends_when_the_called_program_goes_without_an_answer(address):
    silent, client = await Connection.open(address), await Connection.open(address)
    received = asyncio.Event()

    def take(message):
        received.set()
        return True  # handled, but never answered

    silent.add_message_handler(take)
    call = Message(destination=silent.unique_name, path="/", interface="a.b", member="Wait")
    asking = asyncio.create_task(client.call(call))
    await received.wait()
    await silent.close()
    async with asyncio.timeout(10):
        reply = await asking
    assert reply.error_name == "org.freedesktop.DBus.Error.NoReply"
    await client.close()
