"""Any bytes as D-Bus messages: each is decoded as its signature says, refused, or ends the stream.

The work is counted, not timed: values per byte, levels of nesting and memory are bounded whatever
the bytes say.
"""

from __future__ import annotations

import asyncio
import contextlib
import functools
import os
import socket
import struct
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from dbus_next.message import Message
from dbus_next.signature import SignatureTree, Variant
from hypothesis import example, given, settings
from hypothesis import strategies as st

from auricle.bus.server import BusServer
from auricle.dbus.body import MAX_DEPTH, SLICE_BYTES, Body, BodyError
from auricle.dbus.header import MAX_FIELDS_BYTES, Header, StreamError
from auricle.dbus.incoming import message_of
from auricle.dbus.stream import BUFFER_BYTES, MessageStream
from auricle.errors import ArgumentError
from testbed.private_bus import PrivateBus
from testbed.quiet_assistant import QuietAssistant
from testbed.raw_bus import NAME, PATH, RawClient, call_auricle, encode_call

CORPUS = Path(__file__).with_name("corpus") / "bus_messages"
SIGNATURES = (
    *("", "s", "o", "u", "b", "d", "as", "a{sv}", "ssv", "sa(sasds)a{sv}", "sasa{sv}"),
    *("av", "a(y)", "aay", "a{yv}", "v", "(sv)", "a{sa{su}}", "ay", "g", "xtnqih"),
)
# Pieces of messages, so that random combinations get past the header.
PIECES = [
    *(b"l\x01\0\x01", b"B\x01\0\x01", b"l\x04\x01\x01", b"l\x02\x01\x01", b"\0\0\0\0", b"\xff" * 4),
    *(bytes([code, 1, ord(kind), 0]) for code, kind in zip(range(1, 10), "osssussgu", strict=True)),
    *(b"\x01\0\0\0", b"\x10\0\0\0", b"\x80\0\0\0", b"\x01v\0", b"\x02av\0", b"\x03a{sv}\0", b"a"),
    *(text.encode() + b"\0" for text in (*SIGNATURES, PATH, NAME, "Listen", "keep")),
]
LEAVES = st.one_of(
    st.text(st.characters(codec="utf-8", exclude_characters="\0"), max_size=8).map(
        lambda text: Variant("s", text)
    ),
    st.integers(0, 2**32 - 1).map(lambda number: Variant("u", number)),
    st.floats(allow_nan=False).map(lambda number: Variant("d", number)),
    st.booleans().map(lambda truth: Variant("b", truth)),
    st.binary(max_size=8).map(lambda data: Variant("ay", data)),
)
VARIANTS = st.recursive(
    LEAVES,
    lambda inner: st.one_of(
        st.lists(inner, max_size=4).map(lambda items: Variant("av", items)),
        st.dictionaries(st.text("abc", max_size=3), inner, max_size=3).map(
            lambda items: Variant("a{sv}", items)
        ),
        inner.map(lambda item: Variant("v", item)),
        inner.map(lambda item: Variant("(sv)", ["x", item])),
    ),
    max_leaves=12,
)


def fuzz_one(data: bytes) -> None:
    """Read bytes as messages; raise AssertionError if a bound is exceeded."""
    for header, body in messages_in(data):
        assert header.frame.fields_bytes <= MAX_FIELDS_BYTES
        assert len(body) == header.size <= len(data)
        decode(body, header)


def messages_in(data: bytes) -> Iterator[tuple[Header, bytes]]:
    """Yield the messages that a stream of bytes contains."""
    sender, receiver = socket.socketpair()
    with sender, receiver:
        receiver.setblocking(False)
        sender.setblocking(False)
        stream = MessageStream(receiver, lambda header: header.size <= 1 << 20, bool)
        rest = memoryview(data)
        try:
            while True:
                if rest:
                    with contextlib.suppress(BlockingIOError):
                        rest = rest[sender.send(rest) :]
                received = stream.receive()
                while (arrived := stream.take()) is not None:
                    if arrived.verdict:
                        yield arrived.header, bytes(arrived.body)
                if not received and not rest:
                    return
        except StreamError:
            return
        finally:
            assert len(stream._buffer) == BUFFER_BYTES
            stream.close()


def decode(body: bytes, header: Header) -> list[Any] | None:
    """Return the values of a body; None if it is refused."""
    try:
        decoder = Body(body, header.signature, little=header.frame.little)
        count, before = 0, 0
        for _ in decoder.slices():
            count += 1
            assert decoder._at - before >= SLICE_BYTES
            before = decoder._at
        assert count <= len(body) // SLICE_BYTES
    except BodyError as error:
        assert "\n" not in str(error)
        return None
    assert len(decoder.values) == len(SignatureTree(header.signature).types)
    # An encoded value has at least one byte.
    assert counted(decoder.values) <= len(body)
    return decoder.values


def counted(value: object, depth: int = 0) -> int:
    """Return the number of leaves of a value, and check its depth."""
    assert depth <= 2 * MAX_DEPTH
    if isinstance(value, Variant):
        return counted(value.value, depth + 1)
    if isinstance(value, dict):
        return sum(1 + counted(item, depth + 1) for item in value.values())
    if isinstance(value, list):
        return sum(counted(item, depth + 1) for item in value)
    return 1


@functools.cache
def seeds() -> tuple[bytes, ...]:
    """Return valid messages to mutate."""
    calls = [
        Message(path=PATH, interface=NAME, member="Listen", serial=1, sender=":1.5",
                signature="a{sv}", body=[{"maximum_seconds": Variant("d", 1.0)}]),
        Message(path=PATH, interface="org.auricle.Context1", member="Set", serial=2, sender=":1.6",
                signature="sa(sasds)a{sv}",
                body=["contacts", [["Ann", ["a"], 1.0, ""], ["Zoë", [], 2.0, "x"]],
                      {"keep": Variant("b", True)}]),
        Message.new_signal(PATH, NAME, "Told", "sa{sv}as", ["x", {"y": Variant("av", [])}, ["z"]]),
    ]  # fmt: skip
    for serial, call in enumerate(calls, 1):
        call.serial = serial
    kept = [path.read_bytes() for path in sorted(CORPUS.iterdir())] if CORPUS.is_dir() else []
    return (*(bytes(call._marshall()) for call in calls), *kept)


@st.composite
def mutated(draw: st.DrawFn) -> bytes:
    """Return a valid message with some bytes changed, removed, inserted or repeated."""
    data = bytearray(draw(st.sampled_from(seeds())))
    for _ in range(draw(st.integers(0, 6))):
        at = draw(st.integers(0, max(0, len(data) - 1)))
        match draw(st.sampled_from(("flip", "cut", "insert", "size", "repeat"))):
            case "flip":
                data[at : at + 1] = bytes([draw(st.integers(0, 255))])
            case "cut":
                del data[at : at + draw(st.integers(1, 8))]
            case "insert":
                data[at:at] = draw(st.sampled_from(PIECES))
            case "size":
                size = draw(st.sampled_from((0, 1, 7, 255, 2**16, 2**26, 2**27, 2**31, 2**32 - 1)))
                data[at & ~3 : (at & ~3) + 4] = struct.pack("<I", size)
            case "repeat":
                data += data[at : at + draw(st.integers(1, 64))]
    return bytes(data)


BYTES = st.one_of(
    st.binary(max_size=200),
    st.lists(st.one_of(st.sampled_from(PIECES), st.binary(max_size=4)), max_size=40).map(b"".join),
    mutated(),
)


@given(BYTES)
@example(b"".join(seeds()))
@example(encode_call(1, NAME, "/a" * 5000, NAME, "Listen") + seeds()[0])
def test_any_bytes_are_read_or_refused(data: bytes) -> None:
    fuzz_one(data)


@given(st.sampled_from(SIGNATURES), st.binary(max_size=300), st.booleans())
def test_any_body_is_decoded_or_refused(signature: str, data: bytes, little: bool) -> None:
    frame = messages_of(seeds()[0])[0].frame._replace(little=little, body_bytes=len(data))
    decode(data, Header(frame, signature=signature))


@given(st.text("ybnqiuxtdhsogav(){}r", max_size=80))
@example("a" * 255 + "y")
@example("(" * 200)
@example("a{" * 100)
@example("v" * 255)
def test_any_signature_is_parsed_as_dbus_next_does_or_refused(signature: str) -> None:
    try:
        values = Body(b"", signature)._types
    except BodyError:
        return
    assert len(values) == len(SignatureTree(signature).types)


@given(VARIANTS)
def test_values_arrive_as_dbus_next_has_encoded_them(value: Variant) -> None:
    sent = Message.new_signal(PATH, NAME, "Told", "sv", ["x", value])
    sent.serial = 1
    ((header, body),) = messages_in(bytes(sent._marshall()))
    try:
        found = Body(body, header.signature).read()
    except BodyError as error:
        assert f"more than {MAX_DEPTH} levels" in str(error)
        return
    assert message_of(header, found, []).body == ["x", value]


@given(VARIANTS)
def test_a_variant_that_is_not_accepted_is_not_decoded(value: Variant) -> None:
    def refuse(before: list[object], key: object, signature: str) -> None:
        assert (before, key, signature) == (["x"], None, value.signature)
        raise ArgumentError("no")

    sent = Message.new_signal(PATH, NAME, "Told", "sv", ["x", value])
    sent.serial = 1
    ((header, body),) = messages_in(bytes(sent._marshall()))
    body_reader = Body(body, header.signature, accept=refuse, max_values=3)
    with pytest.raises(ArgumentError):
        body_reader.read()


def test_descriptors_reach_their_message_and_no_other() -> None:
    """Those of messages that cannot be read are closed."""
    endless = encode_call(1, NAME, "/a" * 5000, NAME, "Listen")
    plain = seeds()[0]
    first, second = os.pipe()
    before = len(os.listdir("/proc/self/fd"))
    sender, receiver = socket.socketpair()
    receiver.setblocking(False)
    stream = MessageStream(receiver, lambda header: True, bool)
    both = [first, second]
    for data, descriptors in ((endless, [first]), (plain, []), (plain, both), (plain, [])):
        packed = struct.pack(f"{len(descriptors)}i", *descriptors)
        rights = [(socket.SOL_SOCKET, socket.SCM_RIGHTS, packed)] if descriptors else []
        sender.sendmsg([data], rights)
    counts = []
    while stream.receive():
        while (arrived := stream.take()) is not None:
            counts.append(len(arrived.descriptors))
            for descriptor in arrived.descriptors:
                os.close(descriptor)
    assert counts == [0, 2, 0]
    sender.close()
    receiver.close()
    assert len(os.listdir("/proc/self/fd")) == before
    os.close(first)
    os.close(second)


@pytest.fixture(scope="module")
def served(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """Yield the address of a private bus with a daemon without sound."""
    with PrivateBus() as bus:
        loop = asyncio.new_event_loop()
        folder = tmp_path_factory.mktemp("daemon")

        async def start() -> BusServer:
            return await BusServer.start(QuietAssistant(folder), bus.address)

        thread = threading.Thread(target=loop.run_forever)
        thread.start()
        server = asyncio.run_coroutine_threadsafe(start(), loop).result(30)
        yield bus.address
        asyncio.run_coroutine_threadsafe(server.stop(), loop).result(30)
        loop.call_soon_threadsafe(loop.stop)
        thread.join(30)
        loop.close()


@settings(max_examples=30)
@given(
    st.sampled_from(("Listen", "Subscribe", "Cancel", "Set", "Get", "Duck", "Add", "Ping", "X")),
    st.sampled_from(
        (NAME, "org.auricle.Context1", "org.auricle.Arbiter1", "org.freedesktop.DBus.Properties",
         "org.freedesktop.DBus.Peer", "org.freedesktop.DBus.Introspectable", "")
    ),
    st.sampled_from(SIGNATURES),
    st.one_of(st.binary(max_size=64), st.integers(0, 64).map(bytes)),
)  # fmt: skip
def test_a_daemon_on_a_real_bus_answers_whatever_the_bus_lets_through(
    served: str, member: str, interface: str, signature: str, body: bytes
) -> None:
    """A bus daemon disconnects a client that sends an invalid body; others it forwards."""
    with RawClient(served) as hostile, contextlib.suppress(EOFError, ConnectionError):
        hostile.send(call_auricle(2, interface, member, signature, body))
        hostile.reply_to(2)
    with RawClient(served) as client:
        client.send(call_auricle(2, "org.freedesktop.DBus.Peer", "Ping", "", b""))
        assert client.reply_to(2)[1] == 2  # a method return


def messages_of(data: bytes) -> list[Header]:
    """Return the headers of the messages in `data`."""
    return [header for header, _ in messages_in(data)]
