"""Long messages, and a full socket."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest
from dbus_next.message import Message

from auricle.dbus.connection import Connection
from auricle.dbus.long_messages import LONG_BYTES, Reader
from testbed.patience import patience

SIGNATURE = "sa(sasds)a{sv}u"
BODY = [
    "contacts",
    [["Zoë 💡" * (number % 5), ["a", ""][: number % 3], number / 3, "x"] for number in range(2000)],
    {},
    7,
]


@asynccontextmanager
async def pair(address: str) -> AsyncIterator[tuple[Connection, Connection, asyncio.Queue]]:
    """Yield two connections and the calls that reach the second."""
    sender, receiver = await Connection.open(address), await Connection.open(address)
    calls: asyncio.Queue[Message] = asyncio.Queue()
    receiver.add_message_handler(
        lambda message: message.member == "Take" and calls.put_nowait(message)
    )
    yield sender, receiver, calls
    await sender.close()
    await receiver.close()


def call(receiver: Connection, signature: str, body: list[object]) -> Message:
    return Message(
        destination=receiver.unique_name,
        path="/a",
        interface="a.b",
        member="Take",
        signature=signature,
        body=body,
    )


@pytest.mark.asyncio
async def test_a_long_message_arrives_as_it_was_sent(address):
    async with pair(address) as (sender, receiver, calls):
        message = call(receiver, SIGNATURE, BODY)
        assert len(message._marshall()) > LONG_BYTES
        sender.post(message)
        assert (await calls.get()).body == BODY


@pytest.mark.asyncio
async def test_many_long_messages_in_a_row_arrive_whole_and_in_order(address):
    async with pair(address) as (sender, receiver, calls):
        for number in range(30):
            sender.post(call(receiver, "uay", [number, bytes(100_000)]))
            sender.post(call(receiver, "u", [number]))
        numbers = [(await calls.get()).body[0] for _ in range(60)]
        assert numbers == [number for number in range(30) for _ in range(2)]


@pytest.mark.asyncio
async def test_closing_while_a_long_message_is_read_ends_well(address, monkeypatch):
    reading, closing = threading.Event(), threading.Event()
    read_long = Reader.read_long

    def read_slowly(reader: Reader) -> Message:
        reading.set()
        closing.wait(patience(10))
        return read_long(reader)

    monkeypatch.setattr(Reader, "read_long", read_slowly)
    async with pair(address) as (sender, receiver, _):
        sender.post(call(receiver, SIGNATURE, BODY))
        await asyncio.to_thread(reading.wait, 10)
        closed = asyncio.ensure_future(receiver.close())
        await asyncio.sleep(0)
        closing.set()
        await asyncio.wait_for(closed, patience(10))


@pytest.mark.asyncio
async def test_a_long_message_that_cannot_be_read_ends_the_connection(address, monkeypatch):
    def fail(reader: Reader) -> Message:
        raise ValueError

    monkeypatch.setattr(Reader, "read_long", fail)
    async with pair(address) as (sender, receiver, _):
        lost = asyncio.Event()
        receiver.when_cut_off(lost.set)
        sender.post(call(receiver, SIGNATURE, BODY))
        await asyncio.wait_for(lost.wait(), patience(10))
        assert not receiver.connected
