"""Clients that leave the bus, and a bus that disconnects."""

from __future__ import annotations

import asyncio
import contextlib
import sys

import pytest

from auricle.assistant import ListenOptions
from auricle.bus.server import BusServer
from auricle.client.client import AssistantClient
from auricle.context.entries import Entry
from auricle.dbus.names import BUS_NAME
from auricle.errors import BusError, NoSuchSessionError, NotRunningError
from auricle.events import CancelReason
from auricle.session import ListenRequested
from testbed.private_bus import PrivateBus

ANN = Entry("contacts", "Ann")
LISTENER = """
import asyncio, sys
from auricle.client.client import AssistantClient

async def main():
    async with AssistantClient(sys.argv[1]) as client:
        await client.subscribe()
        await client.start_monitor()
        print(await client.listen(), flush=True)
        await asyncio.sleep(60)

asyncio.run(main())
"""


async def states(client: AssistantClient, *expected: str) -> None:
    """Wait for these states in order."""
    events = client.events()
    for state in expected:
        assert await anext(events) == ("state", {"State": state})


@pytest.mark.asyncio
async def test_killed_client_takes_its_session_and_subscriptions_with_it(address, serve):
    async with serve() as assistant, AssistantClient(address) as watcher:
        process = await asyncio.create_subprocess_exec(
            sys.executable, "-c", LISTENER, address, stdout=asyncio.subprocess.PIPE
        )
        session = (await process.stdout.readline()).decode().strip()
        process.kill()
        await process.communicate()
        await states(watcher, "listening", "idle")
        assert assistant.reasons == [CancelReason.OWNER_LEFT]
        assert not assistant.server.monitored
        with pytest.raises(NoSuchSessionError):
            await watcher.cancel(session)
        await watcher.listen()


@pytest.mark.asyncio
async def test_command_line_client_that_only_calls_listen_leaves_no_session_behind(address, serve):
    async with serve() as assistant, AssistantClient(address) as watcher:
        process = await asyncio.create_subprocess_exec(
            *("gdbus", "call", "--address", address, "--dest", "org.auricle.Assistant1"),
            *("--object-path", "/org/auricle/Assistant1"),
            *("--method", "org.auricle.Assistant1.Listen", "{'maximum_seconds': <5.0>}"),
            stdout=asyncio.subprocess.PIPE,
        )
        output, _ = await process.communicate()
        assert output == b"(objectpath '/org/auricle/Assistant1/session/s1',)\n"
        await states(watcher, "listening", "idle")
        assert assistant.reasons == [CancelReason.OWNER_LEFT]


@pytest.mark.asyncio
async def test_client_that_hangs_up_while_its_session_is_opened_leaves_none_behind(address, serve):
    async with serve() as assistant, AssistantClient(address) as watcher:
        asked, left = asyncio.Event(), asyncio.Event()
        open_session = assistant.listen

        async def open_slowly(owner: str, options: ListenOptions) -> str:
            asked.set()
            await left.wait()
            return await open_session(owner, options)

        assistant.listen = open_slowly
        async with AssistantClient(address) as hasty:
            asking = asyncio.ensure_future(hasty.listen())
            await asked.wait()
        with pytest.raises(BusError):
            await asking
        await watcher.status()  # by then the daemon knows who has left
        left.set()
        await states(watcher, "listening", "idle")
        assert set(assistant.reasons) == {CancelReason.OWNER_LEFT}


@pytest.mark.asyncio
async def test_client_that_leaves_while_its_user_is_asked_for_is_not_admitted(address, serve):
    async with serve() as assistant, AssistantClient(address) as watcher:
        clients = assistant.server._clients
        asked, left = asyncio.Event(), asyncio.Event()
        ask_daemon = clients._ask_daemon

        async def ask_slowly(client: str) -> int:
            user = await ask_daemon(client)
            if client in clients._watched:
                asked.set()
                await left.wait()
            return user

        clients._ask_daemon = ask_slowly
        async with AssistantClient(address) as hasty:
            asking = asyncio.ensure_future(hasty.set_context("contacts", [ANN]))
            await asked.wait()
            caller = hasty._connection.unique_name
        await asyncio.gather(asking, return_exceptions=True)
        await watcher.status()  # by then the daemon knows who has left
        left.set()
        clients._ask_daemon = ask_daemon
        await watcher.count_context()  # answered after the call of the client that left
        assert caller not in clients
        assert caller not in clients._watched
        assert assistant.contexts.counts == {}


@pytest.mark.asyncio
async def test_session_that_begins_after_its_owner_left_is_cancelled(address, serve):
    async with serve() as assistant, AssistantClient(address) as watcher:
        assistant.hear(ListenRequested(time=1.0, owner=":1.999"))
        await states(watcher, "listening", "idle")
        assert assistant.reasons == [CancelReason.OWNER_LEFT]


@pytest.mark.asyncio
async def test_wake_word_session_survives_its_last_subscriber(address, serve):
    async with serve() as assistant, AssistantClient(address) as watcher:
        async with AssistantClient(address) as client:
            await client.subscribe()
            assistant.wake()
        await watcher.status()
        assert assistant.state.running is not None
        assert assistant.reasons == []


@pytest.mark.asyncio
async def test_second_daemon_on_the_bus_is_refused(address, serve):
    async with serve() as assistant:
        with pytest.raises(BusError, match=r"belongs to process \d+ already; stop that daemon"):
            await BusServer.start(assistant, address)


@pytest.mark.asyncio
async def test_daemon_notices_that_the_bus_has_gone(serve):
    with contextlib.ExitStack() as stack:
        mortal = stack.enter_context(PrivateBus())
        async with serve(on=mortal.address) as assistant:
            waiting = asyncio.ensure_future(assistant.server.wait_until_lost())
            stack.close()
            assert "closed the connection" in await waiting
            assistant.wake()  # has no receiver and must not fail


@pytest.mark.asyncio
async def test_daemon_notices_that_its_name_has_gone(address, serve):
    async with serve() as assistant:
        waiting = asyncio.ensure_future(assistant.server.wait_until_lost())
        await assistant.server._connection.ask_daemon("ReleaseName", "s", BUS_NAME)
        assert "lost the bus name" in await waiting


@pytest.mark.asyncio
async def test_client_learns_that_the_daemon_has_stopped(address, serve):
    async with contextlib.AsyncExitStack() as stack:
        client = AssistantClient(address)
        async with serve() as assistant:
            await stack.enter_async_context(client)
            await client.subscribe()
            assistant.wake()
        names = []
        with pytest.raises(NotRunningError, match="has stopped"):
            async for name, _ in client.events():
                names.append(name)
        assert names == ["wake", "state"]


@pytest.mark.asyncio
async def test_client_learns_that_the_bus_has_gone(serve):
    with contextlib.ExitStack() as stack:
        mortal = stack.enter_context(PrivateBus())
        async with serve(on=mortal.address), AssistantClient(mortal.address) as client:
            stack.close()
            with pytest.raises(NotRunningError):
                async for _ in client.events():
                    pass
            with pytest.raises(BusError):
                await client.status()
