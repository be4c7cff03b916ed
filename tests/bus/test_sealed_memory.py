"""Lattices as file descriptors: complete, sealed, and always closed."""

from __future__ import annotations

import fcntl
import json
import os

import pytest
from dbus_next.constants import MessageFlag
from dbus_next.message import Message

from auricle.client.client import AssistantClient
from auricle.dbus.connection import Connection
from auricle.dbus.names import (
    ASSISTANT_INTERFACE,
    ASSISTANT_PATH,
    BUS_NAME,
    SESSION_INTERFACE,
    path_of,
)
from auricle.dbus.sealed_memory import sealed_text
from auricle.errors import ArgumentError
from auricle.events import EndReason
from auricle.lattice.formats import to_dot, to_json, to_openfst, to_slf
from auricle.session import SpeechEnded


def call(member: str, signature: str, *body: object, **where: str) -> Message:
    return Message(
        destination=BUS_NAME,
        path=where.get("path", ASSISTANT_PATH),
        interface=where.get("interface", ASSISTANT_INTERFACE),
        member=member,
        signature=signature,
        body=list(body),
    )


def open_descriptors() -> int:
    return len(os.listdir("/proc/self/fd"))


@pytest.mark.asyncio
async def test_lattice_comes_whole_in_every_format(address, serve, heard):
    async with serve() as assistant, AssistantClient(address) as client:
        await client.subscribe()
        session = assistant.wake()
        result = heard("play the song", "play a song", "lay the long song")
        assistant.hear(SpeechEnded(time=3.0, result=result, reason=EndReason.SILENCE))
        expected = {
            "json": to_json(result.lattice),
            "slf": to_slf(result.lattice, session),
            "openfst": to_openfst(result.lattice).acceptor,
            "openfst-symbols": to_openfst(result.lattice).symbols,
            "dot": to_dot(result.lattice),
        }
        for form, text in expected.items():
            assert await client.lattice(session, form) == text
        json.loads(await client.lattice(session, "json"))


def test_descriptor_can_be_read_by_path_but_not_changed():
    descriptor = sealed_text("test", "the läst word")
    try:
        assert os.read(descriptor, 100).decode() == "the läst word"
        with pytest.raises(PermissionError):
            os.write(descriptor, b"more")
        with pytest.raises(PermissionError):
            os.ftruncate(descriptor, 0)
        with pytest.raises(PermissionError):
            fcntl.fcntl(descriptor, fcntl.F_ADD_SEALS, 0)
    finally:
        os.close(descriptor)


@pytest.mark.asyncio
async def test_fetching_lattices_leaves_no_descriptor_open(address, serve, heard):
    async with serve() as assistant, AssistantClient(address) as client:
        await client.subscribe()
        session = assistant.wake()
        assistant.hear(SpeechEnded(time=3.0, result=heard("stop"), reason=EndReason.SILENCE))
        await client.lattice(session)
        before = open_descriptors()
        for _ in range(30):
            await client.lattice(session)
            with pytest.raises(ArgumentError):
                await client.lattice(session, "pdf")
        assert open_descriptors() == before


@pytest.mark.asyncio
async def test_cancelled_lattice_call_leaves_no_descriptor_open(address, serve, heard):
    async with serve() as assistant, AssistantClient(address) as client:
        before = open_descriptors()
        connection = await Connection.open(address)
        await connection.ask(call("Subscribe", "a{sv}", {}))
        session = assistant.wake()
        assistant.hear(SpeechEnded(time=3.0, result=heard("stop"), reason=EndReason.SILENCE))
        fetch = call("Lattice", "s", "json", path=path_of(session), interface=SESSION_INTERFACE)
        fetch.flags = MessageFlag.NO_REPLY_EXPECTED
        connection.post(fetch)
        fetch = call("Lattice", "s", "json", path=path_of(session), interface=SESSION_INTERFACE)
        connection.post(fetch)
        await connection.close()
        await client.status()
        await client.status()
        assert open_descriptors() == before


@pytest.mark.asyncio
async def test_unsolicited_descriptors_are_closed(address, serve):
    async with serve(), AssistantClient(address) as client:
        connection = await Connection.open(address)
        reader, writer = os.pipe()
        before = open_descriptors()
        for _ in range(10):
            connection.post(call("Listen", "h", 0), [os.dup(reader)])
            connection.post(call("Cancel", "hh", 0, 1), [os.dup(reader), os.dup(writer)])
        await connection.ask_daemon("GetId", "")
        await client.status()
        assert open_descriptors() == before
        os.close(reader)
        os.close(writer)
        await connection.close()
