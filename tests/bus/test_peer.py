"""org.freedesktop.DBus.Peer is answered by the daemon itself, on every bus and every path."""

from __future__ import annotations

from functools import partial
from pathlib import Path

import pytest
from dbus_next.constants import ErrorType, MessageType
from dbus_next.message import Message

from auricle.dbus import peer
from auricle.dbus.connection import Connection
from auricle.dbus.errors import CallError
from auricle.dbus.names import ASSISTANT_PATH, BUS_NAME
from testbed.private_bus import PrivateBus

ID = "0123456789abcdef0123456789abcdef"


async def ask_peer(address: str, member: str, path: str = ASSISTANT_PATH, *body: str) -> Message:
    connection = await Connection.open(address)
    reply = await connection.call(
        Message(
            destination=BUS_NAME,
            path=path,
            interface=peer.PEER_INTERFACE,
            member=member,
            signature="s" * len(body),
            body=list(body),
        )
    )
    await connection.close()
    assert reply is not None
    return reply


@pytest.mark.asyncio
async def test_peer_is_answered_on_every_kind_of_bus(serve, monkeypatch):
    monkeypatch.setattr(peer, "read_machine_id", lambda: ID)
    for kind in ("session", "system"):
        with PrivateBus(kind) as bus:
            async with serve(bus.address):
                for path in ("/", ASSISTANT_PATH, "/nowhere"):
                    reply = await ask_peer(bus.address, "Ping", path)
                    assert (reply.message_type, reply.body) == (MessageType.METHOD_RETURN, [])
                    assert (await ask_peer(bus.address, "GetMachineId", path)).body == [ID]


@pytest.mark.asyncio
async def test_wrong_calls_of_peer_are_refused_without_a_line_in_the_journal(
    address, serve, monkeypatch, caplog
):
    missing = partial(peer.read_machine_id, [Path("/nonexistent/machine-id")])
    monkeypatch.setattr(peer, "read_machine_id", missing)
    async with serve():
        for member, body, error in (
            ("GetMachineId", (), ErrorType.FILE_NOT_FOUND),
            ("GetMachineId", ("x",), ErrorType.INVALID_ARGS),
            ("Ping", ("x",), ErrorType.INVALID_ARGS),
            ("Pong", (), ErrorType.UNKNOWN_METHOD),
        ):
            reply = await ask_peer(address, member, ASSISTANT_PATH, *body)
            assert reply.error_name == error.value
            assert "Traceback" not in reply.body[0]
            assert ".py" not in reply.body[0]
    assert caplog.text == ""


def test_machine_id_comes_from_the_first_valid_file(tmp_path):
    first, second = tmp_path / "machine-id", tmp_path / "dbus-id"
    with pytest.raises(CallError, match="no id in .*machine-id or .*systemd-machine-id-setup"):
        peer.read_machine_id([first, second])
    second.write_text(f"{ID}\n")
    for invalid in ("uninitialized\n", "", "x" * 32, "\xff"):
        first.write_text(invalid)
        assert peer.read_machine_id([first, second]) == ID
    first.write_text("f" * 32)
    assert peer.read_machine_id([first, second]) == "f" * 32


@pytest.mark.asyncio
async def test_a_program_without_objects_answers_calls_without_a_traceback(address, caplog):
    program, caller = await Connection.open(address), await Connection.open(address)

    def fail(message: Message) -> None:
        raise ValueError("periwinkle")

    for interface, member in (
        (peer.PEER_INTERFACE, "GetMachineId"),
        ("org.freedesktop.DBus.Properties", "Get"),
    ):
        reply = await caller.call(
            Message(destination=program.unique_name, path="/", interface=interface, member=member)
        )
        assert reply.error_name == ErrorType.UNKNOWN_METHOD.value
    assert caplog.text == ""
    program.add_message_handler(fail)
    reply = await caller.call(Message(destination=program.unique_name, path="/", member="Do"))
    assert "periwinkle" not in reply.body[0] + caplog.text
    assert "a message handler failed: ValueError at bus/test_peer.py" in caplog.text
    await program.close()
    await caller.close()
