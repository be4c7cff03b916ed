"""org.auricle.Privacy1: who may switch the mode, and read and erase the audit log."""

from __future__ import annotations

from contextlib import asynccontextmanager
from dataclasses import replace

import pytest
from dbus_next.constants import MessageType
from dbus_next.message import Message

from auricle.bus.polkit import POLKIT, Ownership
from auricle.bus.privacy1 import LOOSEN
from auricle.client.client import AssistantClient
from auricle.context.entries import Entry
from auricle.dbus.connection import Connection
from auricle.errors import ArgumentError, NotAuthorizedError

from .conftest import PRIVACY


@pytest.mark.asyncio
async def test_owner_switches_the_mode_and_all_clients_get_a_signal(address, serve, tmp_path):
    socket = tmp_path / "relay" / "lattices"
    async with serve() as assistant, AssistantClient(address) as client:
        assert await client.privacy() == {
            "Mode": "local",
            "Locked": False,
            "Reranker": "reranker.example",
        }
        changes = []
        connection = await Connection.open(address)
        connection.add_message_handler(
            lambda message: (
                changes.append(message.body) if message.member == "PropertiesChanged" else None
            )
        )
        await connection.ask_daemon("AddMatch", "s", "type='signal'")
        await client.set_privacy("lattice")
        assert (await client.privacy())["Mode"] == "lattice"
        assert assistant.privacy.mode == "lattice"
        assert socket.exists()
        await client.set_privacy("local")
        assert not socket.exists()
        await connection.ask_daemon("GetId", "")
        await connection.close()
        modes = [body[1]["Mode"].value for body in changes if body[0] == "org.auricle.Privacy1"]
        assert [modes[0], modes[-1]] == ["lattice", "local"]
        with pytest.raises(ArgumentError, match="mode is 'open'; give one of: local, lattice"):
            await client.set_privacy("open")


@pytest.mark.asyncio
async def test_authorised_user_may_only_tighten_privacy(address, serve, monkeypatch):
    async with serve(authorise=lambda user: True) as assistant, AssistantClient(address) as client:
        await client.set_privacy("lattice")
        disown(monkeypatch)
        for attempt in (
            client.set_privacy("lattice"),
            client.privacy_record(),
            client.erase_privacy(),
        ):
            with pytest.raises(NotAuthorizedError, match="does not own this device"):
                await attempt
        await client.set_privacy("local")
        assert assistant.privacy.mode == "local"


async def lock(assistant) -> None:
    """Lock the privacy mode, as a reloaded configuration does."""
    await assistant.privacy.reconfigure(replace(PRIVACY, lock=True), "en")


@pytest.mark.asyncio
async def test_not_even_the_owner_loosens_a_locked_mode_on_a_bus_without_polkit(address, serve):
    async with serve() as assistant, AssistantClient(address) as client:
        await client.set_privacy("lattice")
        await lock(assistant)
        assert await client.privacy() == {
            "Mode": "local",
            "Locked": True,
            "Reranker": "reranker.example",
        }
        with pytest.raises(NotAuthorizedError, match=r"privacy\.lock is true, so only the config"):
            await client.set_privacy("lattice")
        assert assistant.privacy.mode == "local"
        await client.set_privacy("local")


@pytest.mark.asyncio
async def test_unauthorised_user_may_not_even_tighten_privacy(address, serve, monkeypatch):
    async with serve(authorise=lambda user: False), AssistantClient(address) as client:
        with pytest.raises(NotAuthorizedError, match="may not use this microphone"):
            await client.set_privacy("local")


@pytest.mark.asyncio
async def test_owner_reads_the_record_and_erases_all_stored_data(address, serve, tmp_path):
    async with serve() as assistant, AssistantClient(address) as client:
        await client.set_context("contacts", [Entry("contacts", "Zoë")], source="default")
        assistant.privacy._audit_log.add("a.example", b"{}", keep=False)
        lines, fault = await client.privacy_record()
        assert (len(lines), fault) == (1, "")
        file = tmp_path / "privacy" / "record" / "record.jsonl"
        file.write_text(file.read_text().replace("a.example", "b.example") + "x\n")
        assert (await client.privacy_record())[1] == "line 2 is damaged"
        await client.erase_privacy()
        assert await client.privacy_record() == ([], "")
        assert await client.context_counts() == {}
        assert list((tmp_path / "context").iterdir()) == []


def disown(monkeypatch):
    """Make every caller a user other than root and our own."""
    real = Connection.ask_daemon

    async def ask(self, member, signature, *arguments):
        reply = await real(self, member, signature, *arguments)
        if member == "GetConnectionUnixUser":
            reply.body[0] = 54321
        return reply

    monkeypatch.setattr(Connection, "ask_daemon", ask)


@asynccontextmanager
async def polkit(address: str, allowed: bool, asked: list[list[object]]):
    """Serve a fake polkit on a private bus."""
    bus = await Connection.open(address)

    def answer(message: Message) -> Message | None:
        if message.message_type is not MessageType.METHOD_CALL:
            return None
        if message.member != "CheckAuthorization":
            return None
        asked.append(message.body)
        return Message.new_method_return(message, "(bba{ss})", [[allowed, False, {}]])

    bus.add_message_handler(answer)
    await bus.ask_daemon("RequestName", "su", POLKIT, 0)
    try:
        yield
    finally:
        await bus.close()


@pytest.mark.asyncio
@pytest.mark.parametrize("allowed", [True, False])
async def test_polkit_decides_about_other_users(address, monkeypatch, allowed):
    disown(monkeypatch)
    asked: list[list[object]] = []
    connection, caller = await Connection.open(address), await Connection.open(address)
    name = caller.unique_name
    async with polkit(address, allowed, asked):
        check = Ownership(connection, polkit=True).check(name, "org.auricle.privacy.loosen")
        if allowed:
            await check
        else:
            with pytest.raises(NotAuthorizedError):
                await check
    ((subject, action, details, flags, cancellation),) = asked
    assert (subject[0], subject[1]["name"].value) == ("system-bus-name", name)
    assert (action, details, flags, cancellation) == ("org.auricle.privacy.loosen", {}, 1, "")
    with pytest.raises(NotAuthorizedError):  # polkit is gone
        await Ownership(connection, polkit=True).check(name, "org.auricle.privacy.loosen")
    await caller.close()
    await connection.close()


@pytest.mark.asyncio
@pytest.mark.parametrize("allowed", [True, False])
async def test_polkit_decides_about_the_owner_too_while_the_mode_is_locked(address, allowed):
    asked: list[list[object]] = []
    connection, caller = await Connection.open(address), await Connection.open(address)
    ownership = Ownership(connection, polkit=True)
    async with polkit(address, allowed, asked):
        if allowed:
            await ownership.check_locked(caller.unique_name, LOOSEN)
        else:
            with pytest.raises(NotAuthorizedError, match=r"privacy\.lock is true"):
                await ownership.check_locked(caller.unique_name, LOOSEN)
    ((_, action, *_),) = asked
    assert action == "org.auricle.privacy.loosen"
    await caller.close()
    await connection.close()


@pytest.mark.asyncio
async def test_polkit_is_not_asked_about_the_owner_or_on_other_buses(address, monkeypatch):
    asked: list[list[object]] = []
    connection, caller = await Connection.open(address), await Connection.open(address)
    async with polkit(address, True, asked):
        await Ownership(connection, polkit=True).check(caller.unique_name, "x")
        disown(monkeypatch)
        with pytest.raises(NotAuthorizedError):
            await Ownership(connection, polkit=False).check(caller.unique_name, "x")
    assert asked == []
    await caller.close()
    await connection.close()
