"""Long messages are decoded in slices; those of other senders overtake them."""

from __future__ import annotations

import asyncio
import os
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest
from dbus_next.constants import ErrorType, MessageType
from dbus_next.message import Message

from auricle.dbus import incoming
from auricle.dbus.body import SLICE_BYTES, Body
from auricle.dbus.connection import REPLY_BYTES, Connection
from auricle.dbus.errors import CallError
from auricle.dbus.gate import MESSAGE_BYTES, MessageVerdict
from auricle.dbus.header import METHOD_RETURN, Frame, Header
from auricle.errors import BusError
from testbed.patience import patience

SIGNATURE = "sa(sasds)a{sv}u"
BODY = [
    "contacts",
    [["Zoë 💡" * (number % 5), ["a", ""][: number % 3], number / 3, "x"] for number in range(2000)],
    {},
    7,
]


class OpenGate:
    """Accepts every message."""

    def judge(self, header: Header) -> MessageVerdict:
        return MessageVerdict(read=True, max_values=10**6)

    async def judge_known(self, header: Header) -> MessageVerdict:
        return self.judge(header)


@asynccontextmanager
async def pair(address: str) -> AsyncIterator[tuple[Connection, Connection, asyncio.Queue]]:
    """Yield two connections and the calls that reach the second."""
    sender, receiver = await Connection.open(address), await Connection.open(address)
    receiver.guard(OpenGate())
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
        assert len(message._marshall()) > 2 * SLICE_BYTES
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
async def test_messages_of_other_senders_overtake_a_long_one(address, monkeypatch):
    slices = 0
    decode = Body.slices

    def counted(body: Body):
        nonlocal slices
        for _ in decode(body):
            slices += 1
            yield

    monkeypatch.setattr(Body, "slices", counted)
    async with pair(address) as (sender, receiver, calls):
        other = await Connection.open(address)
        sender.post(call(receiver, "as", [["" for _ in range(200_000)]]))
        sender.post(call(receiver, "u", [1]))
        while slices == 0:
            await asyncio.sleep(0)
        other.post(call(receiver, "u", [2]))
        assert (await calls.get()).body == [2]
        assert slices < 90  # of about 98: the long one is not complete
        assert len((await calls.get()).body[0]) == 200_000
        assert (await calls.get()).body == [1]
        await other.close()


@pytest.mark.asyncio
async def test_closing_while_a_long_message_is_read_ends_well(address):
    async with pair(address) as (sender, receiver, _):
        sender.post(call(receiver, SIGNATURE, BODY))
        while not receiver._incoming._waiting:
            await asyncio.sleep(0)
        await asyncio.wait_for(receiver.close(), patience(10))
        assert not receiver._incoming._waiting


@pytest.mark.asyncio
async def test_a_message_that_cannot_be_decoded_is_an_error_and_the_next_one_is_read(
    address, monkeypatch
):
    async with pair(address) as (sender, receiver, calls):
        message_of = incoming.message_of

        def fail(header: Header, values: list[object], descriptors: list[int]) -> Message:
            if header.size > 100:
                raise CallError(ErrorType.INVALID_ARGS, "no")
            return message_of(header, values, descriptors)

        monkeypatch.setattr(incoming, "message_of", fail)
        reply = await sender.call(call(receiver, SIGNATURE, BODY))
        assert (reply.error_name, reply.body) == (ErrorType.INVALID_ARGS.value, ["no"])
        sender.post(call(receiver, "u", [1]))
        assert (await calls.get()).body == [1]


@pytest.mark.asyncio
async def test_a_reply_that_is_too_long_is_an_error_for_the_caller(address):
    async with pair(address) as (sender, receiver, _):
        receiver.add_message_handler(
            lambda message: Message.new_method_return(message, "ay", [bytes(REPLY_BYTES)])
        )
        with pytest.raises(BusError, match=f"reply has {REPLY_BYTES + 4} bytes"):
            await sender.ask(call(receiver, "", []))


@pytest.mark.asyncio
async def test_a_reply_from_a_program_that_was_not_asked_is_dropped(address):
    # A D-Bus daemon with the usual policy lets no such reply through either.
    async with pair(address) as (sender, receiver, _):
        receiver.add_message_handler(lambda message: True)  # never answers
        asking = asyncio.ensure_future(sender.ask(call(receiver, "", [])))
        await sender.ask_daemon("GetId", "")
        (serial,) = sender._asked
        frame = Frame(True, METHOD_RETURN, 0, 1, 0, 0)
        for header, read in (
            (Header(frame, reply_serial=serial, sender=receiver.unique_name), True),
            (Header(frame, reply_serial=serial, sender=":1.999"), False),
            (Header(frame, reply_serial=serial + 1, sender=receiver.unique_name), False),
        ):
            assert sender._judge(header).read is read
        asking.cancel()


@pytest.mark.asyncio
async def test_a_program_without_objects_drops_large_signals_and_answers_calls(address):
    sender, receiver = await Connection.open(address), await Connection.open(address)
    received: list[Message] = []
    receiver.add_message_handler(received.append)
    for size in (MESSAGE_BYTES, 100):
        signal = Message.new_signal("/a", "a.b", "Told", "ay", [bytes(size)])
        signal.destination = receiver.unique_name
        sender.post(signal)
    reply = await sender.call(call(receiver, "", []))
    assert reply.message_type is MessageType.ERROR
    assert reply.error_name == ErrorType.UNKNOWN_METHOD.value
    assert [message.member for message in received] == ["Told", "Take"]
    assert len(received[0].body[0]) == 100
    await sender.close()
    await receiver.close()


@pytest.mark.asyncio
async def test_descriptors_of_replies_that_nobody_waits_for_are_closed(address):
    async with pair(address) as (sender, receiver, calls):
        before = len(os.listdir("/proc/self/fd"))
        asking = asyncio.ensure_future(sender.ask(call(receiver, "", [])))
        asked = await calls.get()
        asking.cancel()
        await asyncio.sleep(0)
        reply = Message.new_method_return(asked, "h", [0])
        receiver.post(reply, [os.open("/dev/null", os.O_RDONLY)])
        await receiver.ask_daemon("GetId", "")
        await sender.ask_daemon("GetId", "")
        assert len(os.listdir("/proc/self/fd")) == before
