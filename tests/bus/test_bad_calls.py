"""Wrong calls get a named error and one sentence with the remedy."""

from __future__ import annotations

import asyncio
import os

import pytest
from dbus_next.constants import MessageFlag, MessageType
from dbus_next.message import Message
from dbus_next.signature import Variant

from auricle.client.client import AssistantClient
from auricle.dbus.connection import Connection
from auricle.dbus.errors import error_of, error_reply
from auricle.dbus.names import (
    ASSISTANT_INTERFACE,
    ASSISTANT_PATH,
    BUS_NAME,
    CONTEXT_INTERFACE,
    PROPERTIES_INTERFACE,
    SESSION_INTERFACE,
)
from auricle.errors import ArgumentError, AuricleError

INVALID_ARGS = "org.freedesktop.DBus.Error.InvalidArgs"
INVALID_ARGUMENT = "org.auricle.Error.InvalidArgument"


async def refusal(address: str, member: str, signature: str = "", *body: object, **where: str):
    """Return the name and the text of the error of a call."""
    connection = await Connection.open(address)
    call = Message(
        destination=BUS_NAME,
        path=where.get("path", ASSISTANT_PATH),
        interface=where.get("interface", ASSISTANT_INTERFACE),
        member=member,
        signature=signature,
        body=list(body),
    )
    reply = await connection.call(call)
    await connection.close()
    assert reply.message_type is MessageType.ERROR
    return reply.error_name, reply.body[0]


def option(name: str, signature: str, value: object) -> dict[str, Variant]:
    return {name: Variant(signature, value)}


@pytest.mark.parametrize(
    ("call", "error", "words"),
    [
        (("Listen",), INVALID_ARGS, ["Listen", "'a{sv}'", "''"]),
        (("Listen", "s", "now"), INVALID_ARGS, ["'a{sv}'", "'s'"]),
        (("Cancel", "s", "s1"), INVALID_ARGS, ["Cancel", "'o'", "'s'"]),
        (("Unsubscribe", "u", 1), INVALID_ARGS, ["Unsubscribe", "'u'"]),
        (
            ("Listen", "a{sv}", option("maximum_second", "d", 4.0)),
            INVALID_ARGUMENT,
            ["'maximum_second'", "maximum_seconds (d)"],
        ),
        (
            ("Listen", "a{sv}", option("maximum_seconds", "s", "4")),
            INVALID_ARGUMENT,
            ["'maximum_seconds'", "'s'", "'d'"],
        ),
        (
            ("Listen", "a{sv}", option("no_speech_seconds", "d", float("nan"))),
            INVALID_ARGUMENT,
            ["'no_speech_seconds'", "nan", "above 0"],
        ),
        (
            ("Listen", "a{sv}", option("maximum_seconds", "d", -1.0)),
            INVALID_ARGUMENT,
            ["'maximum_seconds'", "-1.0", "above 0"],
        ),
        (
            ("Listen", "a{sv}", option("no_speech_seconds", "d", 60.5)),
            INVALID_ARGUMENT,
            ["'no_speech_seconds'", "60.5", "above 0 and up to 60"],
        ),
        (
            ("Listen", "a{sv}", option("maximum_seconds", "d", float("inf"))),
            INVALID_ARGUMENT,
            ["'maximum_seconds'", "inf", "above 0 and up to 120"],
        ),
        (
            ("Subscribe", "a{sv}", option("wake_words", "s", "alexa")),
            INVALID_ARGUMENT,
            ["'wake_words'", "'as'"],
        ),
        (
            ("Cancel", "o", "/somewhere/else"),
            "org.auricle.Error.NoSuchSession",
            ["/somewhere/else", "/org/auricle/Assistant1/session/ID"],
        ),
        (("Sing",), "org.freedesktop.DBus.Error.UnknownMethod", ["Sing", "Listen", "Cancel"]),
    ],
)
@pytest.mark.asyncio
async def test_wrong_call_is_refused_with_the_remedy(address, serve, call, error, words):
    async with serve() as assistant:
        name, text = await refusal(address, *call)
        assert name == error
        for word in words:
            assert word in text
        assert assistant.state.running is None


@pytest.mark.parametrize(
    ("call", "error", "words"),
    [
        (("Set", "sas", "contacts", ["Ann"]), INVALID_ARGS, ["Set", "'sa(sasds)a{sv}'", "'sas'"]),
        (("Remove", "ss", "contacts", "Ann"), INVALID_ARGS, ["Remove", "'sasa{sv}'"]),
        (("Sources", "s", "mine"), INVALID_ARGS, ["Sources", "''", "'s'"]),
        (
            ("Count", "a{sv}", option("kept", "b", True)),
            INVALID_ARGUMENT,
            ["'kept'", "keep (b), source (s)"],
        ),
        (("Count", "a{sv}", option("keep", "s", "yes")), INVALID_ARGUMENT, ["'keep'", "'b'"]),
        (
            ("Count", "a{sv}", option("source", "s", "mine")),
            INVALID_ARGUMENT,
            ["'source' of Count needs the option 'keep' as true"],
        ),
        (("Listen",), "org.freedesktop.DBus.Error.UnknownMethod", [CONTEXT_INTERFACE, "Set, Add"]),
    ],
)
@pytest.mark.asyncio
async def test_wrong_call_about_names_is_refused(address, serve, call, error, words):
    async with serve():
        name, text = await refusal(address, *call, interface=CONTEXT_INTERFACE)
        assert name == error
        for word in words:
            assert word in text


@pytest.mark.parametrize(
    ("call", "error"),
    [
        (("Get", "ss", ASSISTANT_INTERFACE, "Mood"), "UnknownProperty"),
        (("Get", "s", ASSISTANT_INTERFACE), "InvalidArgs"),
        (("Get", "ss", "org.auricle.Nothing1", "State"), "UnknownInterface"),
        (("Get", "ss", CONTEXT_INTERFACE, "State"), "UnknownProperty"),
        (("Set", "ssv", ASSISTANT_INTERFACE, "State", Variant("s", "idle")), "PropertyReadOnly"),
        (("Set", "ssv", ASSISTANT_INTERFACE, "Muted", Variant("s", "yes")), "InvalidArgs"),
        (("Forget",), "UnknownMethod"),
    ],
)
@pytest.mark.asyncio
async def test_wrong_access_to_a_property_is_refused(address, serve, call, error):
    async with serve():
        name, _ = await refusal(address, *call, interface=PROPERTIES_INTERFACE)
        assert name == f"org.freedesktop.DBus.Error.{error}"


@pytest.mark.asyncio
async def test_a_member_is_found_without_the_name_of_its_interface(address, serve):
    async with serve():
        connection = await Connection.open(address)
        for interface, name, known in (("", "Entries", {}), ("", "State", "idle")):
            reply = await connection.call(
                Message(
                    destination=BUS_NAME,
                    path=ASSISTANT_PATH,
                    interface=PROPERTIES_INTERFACE,
                    member="Get",
                    signature="ss",
                    body=[interface, name],
                )
            )
            assert reply.body[0].value == known
        for member in ("Unsubscribe", "Sources"):
            reply = await connection.call(
                Message(destination=BUS_NAME, path=ASSISTANT_PATH, member=member)
            )
            assert reply.message_type is MessageType.METHOD_RETURN
        await connection.close()


@pytest.mark.asyncio
async def test_unknown_object_and_interface_are_refused(address, serve):
    async with serve():
        name, text = await refusal(
            address, "Words", path=f"{ASSISTANT_PATH}/session/s9", interface=SESSION_INTERFACE
        )
        assert name == "org.freedesktop.DBus.Error.UnknownObject"
        assert "s9" in text
        name, _ = await refusal(address, "Words", interface=SESSION_INTERFACE)
        assert name == "org.freedesktop.DBus.Error.UnknownInterface"


@pytest.mark.asyncio
async def test_unknown_lattice_format_is_refused_with_those_there_are(address, serve):
    async with serve(), AssistantClient(address) as client:
        session = await client.listen()
        formats = "json, slf, openfst, openfst-symbols, dot"
        with pytest.raises(ArgumentError, match=f"'pdf'; use one of: {formats}$"):
            await client.lattice(session, "pdf")


@pytest.mark.asyncio
async def test_fault_of_the_daemon_is_an_error_without_its_details(address, serve, caplog):
    async def fail(owner, options):
        raise TypeError("periwinkle")  # as if somebody had made a mistake in the service

    async with serve() as assistant:
        assistant.listen = fail
        name, text = await refusal(address, "Listen", "a{sv}", {})
        assert name == "org.auricle.Error.Failed"
        assert text == "Listen failed inside the daemon; see its journal"
        assert "Assistant1.Listen failed: TypeError at bus/test_bad_calls.py:" in caplog.text
        assert "periwinkle" not in caplog.text


@pytest.mark.asyncio
async def test_call_that_wants_no_reply_gets_none(address, serve):
    async with serve() as assistant:
        connection = await Connection.open(address)
        received = []
        connection.add_message_handler(received.append)
        for member in ("Subscribe", "Sing"):
            connection.post(
                Message(
                    destination=BUS_NAME,
                    path=ASSISTANT_PATH,
                    interface=ASSISTANT_INTERFACE,
                    member=member,
                    signature="a{sv}",
                    body=[{}],
                    flags=MessageFlag.NO_REPLY_EXPECTED,
                )
            )
        async with AssistantClient(address) as client:
            await client.status()
        await connection.ask_daemon("GetId", "")
        replies = (MessageType.ERROR, MessageType.METHOD_RETURN)
        senders = {m.sender for m in received if m.message_type in replies}
        assert senders <= {"org.freedesktop.DBus"}
        await connection.close()
        assert assistant.state.running is None


@pytest.mark.asyncio
async def test_standard_tools_can_talk_to_the_daemon(address, serve):
    calls = [
        ("gdbus", "call", "--address", address, "--dest", BUS_NAME, "--object-path", ASSISTANT_PATH)
        + ("--method", "org.freedesktop.DBus.Peer.Ping"),
        ("busctl", f"--address={address}", "get-property", BUS_NAME, ASSISTANT_PATH)
        + (ASSISTANT_INTERFACE, "WakeWords"),
        ("dbus-send", f"--bus={address}", "--print-reply=literal", f"--dest={BUS_NAME}")
        + (ASSISTANT_PATH, f"{PROPERTIES_INTERFACE}.Get")
        + (f"string:{ASSISTANT_INTERFACE}", "string:State"),
        ("busctl", f"--address={address}", "set-property", BUS_NAME, ASSISTANT_PATH)
        + (ASSISTANT_INTERFACE, "Muted", "b", "true"),
    ]
    async with serve() as assistant:
        outputs = []
        for call in calls:
            process = await asyncio.create_subprocess_exec(
                *call, stdout=asyncio.subprocess.PIPE, env=os.environ | {"LC_ALL": "C"}
            )
            output, _ = await process.communicate()
            assert process.returncode == 0
            outputs.append(output.decode().split())
        assert outputs[1] == ["as", "2", '"alexa"', '"okay_nabu"']
        assert outputs[2] == ["variant", "idle"]
        assert assistant.state.muted


@pytest.mark.parametrize("kind", [AuricleError, *AuricleError.__subclasses__()])
def test_every_error_keeps_its_kind_and_its_sentence_over_the_bus(kind):
    call = Message(path="/", interface=ASSISTANT_INTERFACE, member="Listen", serial=1)
    error = error_of(error_reply(call, kind("what is wrong")))
    assert (type(error), str(error)) == (kind, "what is wrong")
