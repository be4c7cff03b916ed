"""Transcripts reach the audience of a session and nobody else."""

from __future__ import annotations

import os
import pwd

import pytest
from dbus_next.constants import MessageType

from auricle.bus.clients import same_group_or_root
from auricle.client.client import AssistantClient
from auricle.dbus.connection import Connection
from auricle.dbus.names import ASSISTANT_PATH, SESSION_INTERFACE
from auricle.errors import NoSuchSessionError, NotAuthorizedError
from auricle.events import EndReason
from auricle.session import SpeechEnded, SpeechPaused, TextChanged

EVERYTHING = [
    "",
    "type='signal'",
    f"type='signal',interface='{SESSION_INTERFACE}'",
    f"type='signal',path_namespace='{ASSISTANT_PATH}'",
    "type='method_return',eavesdrop='true'",
    "type='signal',eavesdrop='true'",
    "eavesdrop='true'",
]


def speak(assistant, heard) -> None:
    """Run a complete session."""
    assistant.hear(TextChanged(time=1.5, text="secret"))
    assistant.hear(SpeechPaused(time=2.0, result=heard("secret word")))
    assistant.hear(SpeechEnded(time=2.5, result=heard("secret word"), reason=EndReason.SILENCE))


@pytest.mark.asyncio
async def test_eavesdropper_gets_no_transcript(address, serve, heard):
    async with (
        serve() as assistant,
        AssistantClient(address) as subscriber,
        AssistantClient(address) as owner,
        AssistantClient(address) as eavesdropper,
    ):
        overheard = []
        connection = await Connection.open(address)
        connection.add_message_handler(overheard.append)
        for rule in EVERYTHING:
            await connection.ask_daemon("AddMatch", "s", rule)
        await subscriber.subscribe()
        session = assistant.wake()
        speak(assistant, heard)
        assert await subscriber.nbest(session, 1)
        assert "secret" in await subscriber.lattice(session)
        await owner.listen()
        speak(assistant, heard)
        assert await eavesdropper.status()
        # All earlier messages of the daemon arrive before this answer.
        await connection.ask_daemon("GetId", "")
        await connection.close()
        signals = [message for message in overheard if message.message_type is MessageType.SIGNAL]
        assert "PropertiesChanged" in {message.member for message in signals}
        assert SESSION_INTERFACE not in {message.interface for message in overheard}
        assert not any("secret" in repr(message.body) for message in overheard)


@pytest.mark.asyncio
async def test_session_of_one_client_is_closed_to_all_others(address, serve, heard):
    async with (
        serve() as assistant,
        AssistantClient(address) as owner,
        AssistantClient(address) as other,
    ):
        await other.subscribe()
        session = await owner.listen()
        assistant.hear(SpeechPaused(time=2.0, result=heard("secret word")))
        for attempt in (
            other.session(session),
            other.nbest(session, 1),
            other.words(session),
            other.lattice(session),
            other.cancel(session),
        ):
            with pytest.raises(NotAuthorizedError):
                await attempt
        assert [text for text, _ in await owner.nbest(session, 1)] == ["secret word"]
        await other.set_muted(True)
        events = other.events()
        names = [(await anext(events))[0] for _ in range(2)]
        assert names == ["state", "state"]


@pytest.mark.asyncio
async def test_subscription_covers_only_sessions_that_begin_after_it(address, serve, heard):
    async with serve() as assistant, AssistantClient(address) as client:
        session = assistant.wake()
        await client.subscribe()
        with pytest.raises(NotAuthorizedError):
            await client.session(session)
        speak(assistant, heard)
        with pytest.raises(NoSuchSessionError):
            await client.nbest(session, 1)
        await client.set_muted(True)
        events = client.events()
        told = [await anext(events) for _ in range(3)]
        assert [name for name, _ in told] == ["state", "state", "state"]


@pytest.mark.asyncio
async def test_user_without_authority_may_mute_but_neither_listen_nor_unmute(address, serve):
    async with serve(authorise=lambda user: False) as assistant, AssistantClient(address) as client:
        for attempt in (client.listen(), client.subscribe(), client.start_monitor()):
            with pytest.raises(NotAuthorizedError, match="may not use this microphone"):
                await attempt
        await client.set_muted(True)
        with pytest.raises(NotAuthorizedError):
            await client.set_muted(False)
        assert (await client.status())["Muted"] is True
        assert assistant.state.running is None


@pytest.mark.asyncio
async def test_kernel_identifies_users(address, serve):
    users = []
    async with (
        serve(authorise=lambda user: users.append(user) or True),
        AssistantClient(address) as c,
    ):
        await c.subscribe()
        await c.start_monitor()
    assert set(users) == {os.getuid()}


def test_only_root_and_our_own_user_are_admitted(monkeypatch):
    everyone = {account.pw_uid for account in pwd.getpwall()}
    monkeypatch.setattr(os, "getuid", lambda: 54321)
    members = {pwd.getpwnam("man").pw_uid}
    monkeypatch.setattr(os, "getgid", lambda: pwd.getpwnam("man").pw_gid)
    assert {user for user in everyone if same_group_or_root(user)} == {0} | members
    assert same_group_or_root(54321)
    assert not same_group_or_root(54322)


@pytest.mark.asyncio
async def test_no_word_is_logged(address, serve, heard, caplog):
    caplog.set_level("DEBUG")
    async with serve() as assistant, AssistantClient(address) as client:
        await client.subscribe()
        session = assistant.wake()
        speak(assistant, heard)
        await client.lattice(session)
    assert "secret" not in caplog.text
