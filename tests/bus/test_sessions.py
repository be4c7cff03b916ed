"""Sessions from the view of D-Bus clients."""

from __future__ import annotations

from collections.abc import AsyncIterator
from dataclasses import replace

import pytest
from dbus_next.message import Message

import auricle
from auricle.assistant import InputLevel, ListenOptions
from auricle.client.client import AssistantClient
from auricle.client.signals import SESSION_SIGNALS
from auricle.dbus.connection import Connection
from auricle.dbus.interface import signature_of
from auricle.dbus.names import ASSISTANT_PATH, BUS_NAME
from auricle.errors import (
    ArgumentError,
    BusyError,
    MutedError,
    NoResultError,
    NoSuchSessionError,
)
from auricle.events import CancelReason, EndReason
from auricle.lattice.result import RecognizedName
from auricle.session import (
    Broken,
    CancelRequested,
    SpeechEnded,
    SpeechPaused,
    TextChanged,
)

SESSION_EVENTS = {
    "wake", "partial", "settled", "speculative", "revised", "final", "cancelled", "error",
}  # fmt: skip


async def until_end(client: AssistantClient) -> list[tuple[str, dict[str, object]]]:
    """Return the events of one session up to its end."""
    told = []
    async for name, fields in session_events(client):
        told.append((name, fields))
        if name in ("final", "cancelled", "error"):
            break
    return told


async def session_events(
    client: AssistantClient,
) -> AsyncIterator[tuple[str, dict[str, object]]]:
    async for name, fields in client.events():
        if name in SESSION_EVENTS:
            yield name, fields


@pytest.mark.asyncio
async def test_subscriber_sees_a_whole_session_in_order(address, serve, heard):
    async with serve() as assistant, AssistantClient(address) as client:
        await client.subscribe()
        assistant.wake(1.0)
        assistant.hear(TextChanged(time=1.5, text="turn"))
        assistant.hear(SpeechPaused(time=2.0, result=heard("turn on")))
        assistant.hear(SpeechPaused(time=3.0, result=heard("turn on the light")))
        assistant.hear(
            SpeechEnded(time=3.5, result=heard("turn on the light"), reason=EndReason.SILENCE)
        )
        assert await until_end(client) == [
            (
                "wake",
                {
                    "session": "s1",
                    "wake_word": "alexa",
                    "score": 0.9,
                    "start": 0.4,
                    "end": 1.0,
                    "time": 1.0,
                },
            ),
            ("partial", {"session": "s1", "text": "turn", "time": 1.5}),
            ("speculative", {"session": "s1", "text": "turn on", "time": 2.0}),
            ("revised", {"session": "s1", "time": 3.0}),
            ("speculative", {"session": "s1", "text": "turn on the light", "time": 3.0}),
            (
                "final",
                {
                    "session": "s1",
                    "text": "turn on the light",
                    "reason": "silence",
                    "time": 3.5,
                    "reranked": False,
                },
            ),
        ]


@pytest.mark.asyncio
async def test_settled_words_have_a_separate_signal(address, serve, heard):
    async with serve() as assistant, AssistantClient(address) as client:
        await client.subscribe()
        assistant.wake(1.0)
        assistant.hear(TextChanged(time=1.5, text="zoé is"))
        assistant.hear(TextChanged(time=1.75, text="zoé is there", firm=("zoé", "is")))
        assistant.hear(SpeechPaused(time=2.0, result=heard("zoé is there")))
        assistant.hear(TextChanged(time=2.5, text="zoé is there now", firm=("zoé",)))
        assistant.hear(CancelRequested(time=3.0, session=None))
        told = (await until_end(client))[1:-1]
    assert told == [
        ("partial", {"session": "s1", "text": "zoé is", "time": 1.5}),
        ("partial", {"session": "s1", "text": "zoé is there", "time": 1.75}),
        ("settled", {"session": "s1", "words": 2, "characters": 6, "time": 1.75}),
        ("speculative", {"session": "s1", "text": "zoé is there", "time": 2.0}),
        ("revised", {"session": "s1", "time": 2.5}),
        ("partial", {"session": "s1", "text": "zoé is there now", "time": 2.5}),
        ("settled", {"session": "s1", "words": 1, "characters": 3, "time": 2.5}),
    ]


def test_existing_signals_keep_their_arguments() -> None:
    """Clients parse the bodies by these signatures; new data needs new signals."""
    known = {
        "Wake": "sdddd", "Partial": "sd", "Speculative": "sd", "Revised": "d", "Final": "ssdb",
        "Cancelled": "sd", "Error": "ssd",
    }  # fmt: skip
    assert {name: signature_of(SESSION_SIGNALS[name]) for name in known} == known


@pytest.mark.asyncio
async def test_results_can_be_fetched_in_all_forms(address, serve, heard):
    async with serve() as assistant, AssistantClient(address) as client:
        await client.subscribe()
        session = assistant.wake(1.0)
        result = heard("turn on the light", "turn on the lights", "turn of the night")
        assistant.hear(SpeechEnded(time=3.5, result=result, reason=EndReason.SILENCE))
        assert await client.session(session) == {
            "State": "final",
            "Text": "turn on the light",
            "WakeWord": "alexa",
            "Started": 1.0,
        }
        both = await client.nbest(session, 2)
        assert both == [(entry.text, entry.score) for entry in result.nbest[:2]]
        assert len(await client.nbest(session, 99)) == 3
        words = await client.words(session)
        assert [word for word, *_ in words] == ["turn", "on", "the", "light"]
        assert words[0] == ("turn", 0.5, 0.75, pytest.approx(result.words[0].confidence))


@pytest.mark.asyncio
async def test_recognised_names_are_reported_with_their_entries(address, serve, heard):
    name = RecognizedName("appliances", "Batcave", "light.batcave", 0.75, 1.5)
    async with serve() as assistant, AssistantClient(address) as client:
        await client.subscribe()
        session = assistant.wake(1.0)
        result = replace(heard("turn on the batcave"), names=(name,))
        assistant.hear(SpeechEnded(time=3.5, result=result, reason=EndReason.SILENCE))
        assert await client.names(session) == [name]


@pytest.mark.asyncio
async def test_there_is_no_result_before_the_speculation_nor_after_its_withdrawal(
    address, serve, heard
):
    async with serve() as assistant, AssistantClient(address) as client:
        await client.subscribe()
        session = assistant.wake(1.0)
        with pytest.raises(NoResultError, match="wait for the signal"):
            await client.nbest(session, 1)
        assistant.hear(SpeechPaused(time=2.0, result=heard("turn on")))
        assert [text for text, _ in await client.nbest(session, 1)] == ["turn on"]
        assistant.hear(TextChanged(time=2.3, text="turn on the"))
        with pytest.raises(NoResultError):
            await client.words(session)
        assistant.hear(CancelRequested(time=2.5, session=session))
        with pytest.raises(NoResultError, match="it has ended without one"):
            await client.lattice(session)
        assert (await client.session(session))["Text"] == ""


@pytest.mark.asyncio
async def test_error_names_the_failed_part(address, serve):
    async with serve() as assistant, AssistantClient(address) as client:
        session = await client.listen()
        assistant.hear(Broken(time=1.0, error="DeviceUnavailable", message="unplugged"))
        told = await until_end(client)
        expected = {
            "session": session,
            "error": "DeviceUnavailable",
            "message": "unplugged",
            "time": 1.0,
        }
        assert told[-1] == ("error", expected)
        assert (await client.session(session))["State"] == "failed"


@pytest.mark.asyncio
async def test_second_listen_is_refused_while_a_session_runs(address, serve):
    async with serve(), AssistantClient(address) as first, AssistantClient(address) as second:
        session = await first.listen()
        with pytest.raises(BusyError, match="cancel it first"):
            await second.listen()
        await first.cancel(session)
        assert (await until_end(first))[-1][1]["reason"] == "requested"
        await second.listen()


@pytest.mark.asyncio
async def test_session_can_be_cancelled_by_its_own_object(address, serve):
    async with serve() as assistant:
        connection = await Connection.open(address)
        listen = ("a{sv}", {})
        session = (await connection.ask(call(ASSISTANT_PATH, "Listen", *listen))).body[0]
        await connection.ask(call(session, "Cancel"))
        with pytest.raises(NoSuchSessionError):
            await connection.ask(call(session, "Cancel"))
        await connection.close()
        assert assistant.reasons[0] == CancelReason.REQUESTED


def call(path: str, member: str, signature: str = "", *body: object) -> Message:
    """Return a call without an interface name."""
    return Message(
        destination=BUS_NAME, path=path, member=member, signature=signature, body=list(body)
    )


@pytest.mark.asyncio
async def test_options_of_listen_reach_the_daemon(address, serve):
    async with serve() as assistant, AssistantClient(address) as client:
        await client.listen(maximum_seconds=4.0)
        assert assistant.options == ListenOptions(maximum_seconds=4.0)


@pytest.mark.asyncio
async def test_cancelling_an_ended_session_is_refused(address, serve):
    async with serve(), AssistantClient(address) as client:
        session = await client.listen()
        await client.cancel(session)
        with pytest.raises(NoSuchSessionError):
            await client.cancel(session)
        with pytest.raises(NoSuchSessionError):
            await client.cancel("nonsense")
        with pytest.raises(NoSuchSessionError, match="no session id"):
            await client.cancel("../nonsense")


@pytest.mark.asyncio
async def test_last_eight_sessions_outlive_their_end(address, serve, heard):
    async with serve() as assistant, AssistantClient(address) as client:
        await client.subscribe()
        sessions = []
        for number in range(10):
            sessions.append(assistant.wake(float(number)))
            ended = SpeechEnded(time=number, result=heard("stop"), reason=EndReason.SILENCE)
            assistant.hear(ended)
        for session in sessions[2:]:
            assert (await client.session(session))["Text"] == "stop"
        for session in sessions[:2]:
            with pytest.raises(NoSuchSessionError):
                await client.cancel(session)


@pytest.mark.asyncio
async def test_subscriber_can_choose_wake_words(address, serve):
    async with serve() as assistant, AssistantClient(address) as client:
        await client.subscribe(["okay_nabu"])
        for wake_word in ("alexa", "okay_nabu"):
            session = assistant.wake(1.0, wake_word)
            assistant.hear(CancelRequested(time=1.0, session=session))
        told = await until_end(client)
        assert [fields["session"] for _, fields in told] == [session, session]
        with pytest.raises(ArgumentError, match="'computer'.*alexa, okay_nabu"):
            await client.subscribe(["computer"])


@pytest.mark.asyncio
async def test_unsubscribed_client_sees_no_more(address, serve):
    async with serve() as assistant, AssistantClient(address) as client:
        await client.subscribe()
        await client.unsubscribe()
        session = assistant.wake()
        assistant.hear(CancelRequested(time=1.0, session=session))
        await client.subscribe()
        session = assistant.wake()
        assistant.hear(CancelRequested(time=1.0, session=session))
        assert {fields["session"] for _, fields in await until_end(client)} == {session}


@pytest.mark.asyncio
async def test_state_is_broadcast(address, serve):
    async with serve() as assistant, AssistantClient(address) as client:
        assert await client.status() == {
            "State": "idle",
            "Muted": False,
            "WakeWords": ["alexa", "okay_nabu"],
            "Language": "en",
            "Version": auricle.__version__,
        }
        session = assistant.wake()
        assistant.hear(CancelRequested(time=1.0, session=session))
        await client.set_muted(True)
        events = client.events()
        assert await anext(events) == ("state", {"State": "listening"})
        assert await anext(events) == ("state", {"State": "idle"})
        assert await anext(events) == ("state", {"State": "muted", "Muted": True})


@pytest.mark.asyncio
async def test_muting_cancels_the_session_and_refuses_the_next(address, serve):
    async with serve(), AssistantClient(address) as client:
        await client.listen()
        await client.set_muted(True)
        assert (await until_end(client))[-1][1]["reason"] == "muted"
        with pytest.raises(MutedError, match="unmute"):
            await client.listen()
        await client.set_muted(False)
        await client.listen()


@pytest.mark.asyncio
async def test_level_is_sent_only_to_monitors(address, serve):
    async with (
        serve() as assistant,
        AssistantClient(address) as watcher,
        AssistantClient(address) as other,
    ):
        assert not assistant.server.monitored
        await watcher.start_monitor()
        assert assistant.server.monitored
        assistant.server.show_level(InputLevel(1.0, -30.5, {"alexa": 0.25}))
        expected = ("level", {"time": 1.0, "decibels": -30.5, "wake_scores": {"alexa": 0.25}})
        assert await anext(watcher.events()) == expected
        await watcher.stop_monitor()
        assert not assistant.server.monitored
        await other.set_muted(True)
        assert (await anext(other.events()))[0] == "state"
