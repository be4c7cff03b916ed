"""Calls of users without authority cost hardly any time or memory, whatever they contain."""

from __future__ import annotations

import asyncio
import os
import time

import pytest
from dbus_next.constants import ErrorType

from auricle.client.client import AssistantClient
from auricle.context.entries import Entry
from auricle.dbus import gate, incoming
from auricle.dbus.body import Body
from auricle.dbus.gate import BUDGETS, Standing
from auricle.dbus.interface import MAX_BYTES
from auricle.errors import NotAuthorizedError
from testbed.raw_bus import (
    ARRAYS,
    NO_REPLY,
    PROPERTIES,
    RawClient,
    call_auricle,
    encode_call,
    hostile_array,
    nested_variants,
    string,
)

ASSISTANT = "org.auricle.Assistant1"
CONTEXT = "org.auricle.Context1"
STRANGER = 99_999  # a user without authority
SIZE = 2 * 1024 * 1024


def known_as(assistant, client: RawClient, user: int) -> None:
    """Let the daemon take a raw client for one of another user."""
    clients = assistant.server._clients
    clients._known[client.name] = clients._newly_known(client.name, user)


@pytest.fixture
def decoded(monkeypatch) -> list[int]:
    """Return a list that collects the sizes of all bodies that are decoded."""
    sizes: list[int] = []

    class Watched(Body):
        def __init__(self, data: bytearray, *arguments: object, **options: object) -> None:
            sizes.append(len(data))
            super().__init__(data, *arguments, **options)

    monkeypatch.setattr(incoming, "Body", Watched)
    return sizes


def hostile_calls() -> dict[str, tuple[bytes, str]]:
    """Return calls by name: the encoded call, and the error that it gets."""
    too_large, wrong = ErrorType.LIMITS_EXCEEDED.value, ErrorType.INVALID_ARGS.value
    calls = {
        "nested variants": (
            call_auricle(2, PROPERTIES, "Set", "ssv", nested_variants(SIZE)),
            too_large,
        ),
        "small nested variants": (
            call_auricle(2, PROPERTIES, "Set", "ssv", nested_variants(2000)),
            wrong,
        ),
        "names of another type": (
            call_auricle(2, CONTEXT, "Set", "as", hostile_array("as", SIZE)),
            wrong,
        ),
    }
    for signature in ARRAYS:
        body = hostile_array(signature, SIZE)
        calls[signature] = (call_auricle(2, ASSISTANT, "Listen", signature, body), wrong)
    return calls


@pytest.mark.parametrize("name", hostile_calls())
@pytest.mark.asyncio
async def test_hostile_body_is_refused_undecoded(address, serve, decoded, name):
    call, error = hostile_calls()[name]
    async with (
        serve(authorise=lambda user: user != STRANGER) as assistant,
        AssistantClient(address) as client,
    ):
        await client.status()
        with RawClient(address) as hostile:
            known_as(assistant, hostile, STRANGER)
            decoded.clear()
            await asyncio.to_thread(hostile.send, call)
            reply = await asyncio.to_thread(hostile.reply_to, 2)
            assert error.encode() in reply
            assert max(decoded, default=0) <= MAX_BYTES
            assert (await client.status())["Muted"] is False


@pytest.mark.asyncio
async def test_hostile_body_does_not_keep_the_event_loop_busy(address, serve):
    """The work is counted in bytes: what is skipped costs a copy, at most one chunk a turn."""
    call, _ = hostile_calls()["a{yv}"]
    async with serve(), AssistantClient(address) as client:
        await client.status()
        with RawClient(address) as hostile:
            before = time.process_time()
            await asyncio.to_thread(hostile.send, call)
            await asyncio.to_thread(hostile.reply_to, 2)
            seconds = time.process_time() - before
        # Decoding 2 MB of this took 16 s.
        assert seconds < 1.0


@pytest.mark.asyncio
async def test_large_names_of_an_unknown_sender_wait_until_its_user_is_known(address, serve):
    people = [Entry("contacts", f"somebody {number}") for number in range(2000)]
    async with serve(), AssistantClient(address) as client:
        assert await client.set_context("contacts", people) == 2000  # its first call


@pytest.mark.asyncio
async def test_large_names_of_a_stranger_are_never_decoded(address, serve, decoded):
    people = [Entry("contacts", f"somebody {number}") for number in range(2000)]
    async with serve(authorise=lambda user: False), AssistantClient(address) as client:
        for _ in range(2):  # as an unknown sender, and as a known one
            with pytest.raises(NotAuthorizedError, match="more than 4096 bytes; join the group"):
                await client.set_context("contacts", people)
        assert max(decoded) <= MAX_BYTES


def calls(first: int, count: int) -> bytes:
    """Return harmless calls with these serial numbers, each of which is to be answered."""
    serials = range(first, first + count)
    return b"".join(call_auricle(one, ASSISTANT, "StopMonitor", "", b"") for one in serials)


@pytest.mark.asyncio
async def test_strangers_share_one_budget_and_members_keep_theirs(address, serve, monkeypatch):
    monkeypatch.setattr(gate.time, "monotonic", lambda: 100.0)  # no budget is refilled
    budget = BUDGETS[Standing.OUTSIDER]
    async with (
        serve(authorise=lambda user: user != STRANGER) as assistant,
        AssistantClient(address) as client,
    ):
        await client.status()
        with RawClient(address) as first, RawClient(address) as second:
            for hostile in (first, second):
                known_as(assistant, hostile, STRANGER)
            await asyncio.to_thread(first.send, calls(2, budget.burst))
            await asyncio.to_thread(first.reply_to, budget.burst + 1)
            # The budget is spent, for every connection of that user.
            await asyncio.to_thread(second.send, calls(2, 1))
            reply = await asyncio.to_thread(second.reply_to, 2)
            assert b"LimitsExceeded" in reply
            assert b"50 calls per second" in reply
            assert (await client.status())["State"] == "idle"


@pytest.mark.asyncio
async def test_unanswered_calls_of_one_client_are_limited(address, serve):
    async with serve() as assistant, AssistantClient(address) as client:
        await client.status()
        entered = asyncio.Event()

        async def never(muted: bool) -> None:
            entered.set()
            await asyncio.Event().wait()

        assistant.set_muted = never
        with RawClient(address) as hostile:
            known_as(assistant, hostile, os.getuid())
            body = string(ASSISTANT)
            body += string("Muted", len(body))
            body += b"\x01b\0"
            body += bytes(-len(body) % 4) + b"\1\0\0\0"
            limit = BUDGETS[Standing.MEMBER].open_calls
            call = call_auricle(2, PROPERTIES, "Set", "ssv", body, NO_REPLY)
            await asyncio.to_thread(hostile.send, call * limit)
            last = call_auricle(3, PROPERTIES, "Set", "ssv", body)
            await asyncio.to_thread(hostile.send, last)
            reply = await asyncio.to_thread(hostile.reply_to, 3)
            assert b"LimitsExceeded" in reply
            assert f"{limit} unanswered calls".encode() in reply
        assert (await client.status())["State"] == "idle"


@pytest.mark.asyncio
async def test_options_are_refused_by_their_type_before_their_value_is_read(address, serve):
    inner = b"\x01y\0\0" * 500
    options = string("maximum_seconds") + b"\x02av\0"
    options += bytes(-len(options) % 4) + len(inner).to_bytes(4, "little") + inner
    body = len(options).to_bytes(4, "little") + bytes(4) + options
    async with serve(), AssistantClient(address) as client:
        await client.status()
        with RawClient(address) as hostile:
            await asyncio.to_thread(
                hostile.send, call_auricle(2, ASSISTANT, "Listen", "a{sv}", body)
            )
            reply = await asyncio.to_thread(hostile.reply_to, 2)
            assert b"has D-Bus type 'av'; give it as 'd'" in reply


@pytest.mark.asyncio
async def test_a_call_with_a_far_too_long_path_is_skipped(address, serve):
    async with serve(), AssistantClient(address) as client:
        with RawClient(address) as hostile:
            path = "/a" * 5000
            await asyncio.to_thread(
                hostile.send, encode_call(2, "org.auricle.Assistant1", path, "a.b", "C")
            )
            await asyncio.to_thread(
                hostile.send, call_auricle(3, ASSISTANT, "StopMonitor", "", b"")
            )
            await asyncio.to_thread(hostile.reply_to, 3)
        assert (await client.status())["State"] == "idle"
