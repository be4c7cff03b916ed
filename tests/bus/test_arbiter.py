"""Clients duck other sounds by leases, which end when the client leaves."""

from __future__ import annotations

import asyncio
import sys

import pytest
from dbus_next.message import Message
from dbus_next.signature import Variant

from auricle.client.client import AssistantClient
from auricle.dbus.connection import Connection
from auricle.dbus.names import ARBITER_INTERFACE, ASSISTANT_PATH, BUS_NAME, PROPERTIES_INTERFACE
from auricle.ducking.leases import CLIENT_LEASES
from auricle.errors import (
    ArgumentError,
    NoSuchLeaseError,
    NotAuthorizedError,
    TooManyLeasesError,
)
from testbed.patience import patience

LEASEHOLDER = """
import asyncio, sys
from auricle.client.client import AssistantClient

async def main():
    async with AssistantClient(sys.argv[1]) as client:
        print(await client.duck(), flush=True)
        await asyncio.sleep(60)

asyncio.run(main())
"""


async def until_ducked(client: AssistantClient, ducked: bool) -> None:
    async with asyncio.timeout(patience(10)):
        while (await client.arbiter())["Ducked"] is not ducked:
            await asyncio.sleep(0.01)


@pytest.mark.asyncio
async def test_ducking_lasts_from_lease_to_release_and_is_signalled(address, serve):
    async with serve(), AssistantClient(address) as client:
        told = []
        watcher = await Connection.open(address)
        watcher.add_message_handler(
            lambda message: (
                told.append(message.body[1]["Ducked"].value)
                if message.interface == PROPERTIES_INTERFACE
                and message.body[0] == ARBITER_INTERFACE
                else None
            )
        )
        await watcher.ask_daemon("AddMatch", "s", f"sender='{BUS_NAME}'")
        first, second = await client.duck(), await client.duck()
        await client.release(first)
        assert (await client.arbiter())["Ducked"] is True
        await client.release(second)
        await until_ducked(client, False)
        await watcher.ask_daemon("GetId", "")
        await watcher.close()
        assert told == [True, False]


@pytest.mark.asyncio
async def test_a_lease_ends_with_its_client(address, serve):
    async with serve(), AssistantClient(address) as watcher:
        process = await asyncio.create_subprocess_exec(
            sys.executable, "-c", LEASEHOLDER, address, stdout=asyncio.subprocess.PIPE
        )
        await process.stdout.readline()
        assert (await watcher.arbiter())["Ducked"] is True
        process.kill()
        await process.communicate()
        await until_ducked(watcher, False)


@pytest.mark.asyncio
async def test_a_lease_ends_with_its_time(address, serve):
    async with serve(), AssistantClient(address) as client:
        lease = await client.duck(seconds=0.05)
        await until_ducked(client, False)
        with pytest.raises(NoSuchLeaseError):
            await client.release(lease)


@pytest.mark.asyncio
async def test_bad_calls_are_refused_by_name(address, serve):
    async with (
        serve(),
        AssistantClient(address) as client,
        AssistantClient(address) as other,
    ):
        lease = await client.duck()
        with pytest.raises(NoSuchLeaseError, match="this client does not hold lease"):
            await other.release(lease)
        with pytest.raises(ArgumentError, match="'seconds' is 0"):
            await client.duck(seconds=0.0)
        for _ in range(CLIENT_LEASES - 1):
            await client.duck()
        with pytest.raises(TooManyLeasesError, match="release one first"):
            await client.duck()
        await other.duck()
        connection = await Connection.open(address)
        with pytest.raises(ArgumentError, match="no option 'volume'"):
            await connection.ask(
                Message(
                    destination=BUS_NAME,
                    path=ASSISTANT_PATH,
                    interface=ARBITER_INTERFACE,
                    member="Duck",
                    signature="a{sv}",
                    body=[{"volume": Variant("d", 0.5)}],
                )
            )
        await connection.close()


@pytest.mark.asyncio
async def test_caller_without_authority_gets_no_lease(address, serve):
    async with serve(authorise=lambda user: False), AssistantClient(address) as client:
        with pytest.raises(NotAuthorizedError):
            await client.duck()
        with pytest.raises(NotAuthorizedError):
            await client.release(1)
        assert (await client.arbiter())["Ducked"] is False
