"""Context entries of clients: accepted quickly, stored on request, and never published."""

from __future__ import annotations

import asyncio
import os
import subprocess
import sys
import time
from collections.abc import Sequence

import pytest
from dbus_next.constants import MessageType

from auricle.client.client import AssistantClient
from auricle.context.entries import LONGEST_NAME, Context, Entry
from auricle.dbus.connection import Connection
from auricle.dbus.names import CONTEXT_INTERFACE
from auricle.errors import (
    ArgumentError,
    InvalidNameError,
    NameTooLongError,
    NotAuthorizedError,
    StorageError,
    TooManyEntriesError,
    TooManySpokenFormsError,
)
from testbed.patience import patience

MANY = 10_000
ANN, BOB = Entry("contacts", "Ann"), Entry("contacts", "Bob")
LAMP = Entry("appliances", "Lämpchen 💡", ("little lamp",), 2.5, "light.lamp")
GIVER = f"""
import asyncio, sys, time
from auricle.client.client import AssistantClient
from auricle.context.entries import Entry

async def main():
    entries = [Entry("contacts", f"somebody number {{number}}") for number in range({MANY})]
    async with AssistantClient(sys.argv[1]) as client:
        before = time.monotonic()
        await client.set_context("contacts", entries)
        print(time.monotonic() - before, flush=True)
        await asyncio.sleep(60)

asyncio.run(main())
"""


async def until_handed_over(assistant, entries: Sequence[Entry]) -> None:
    """Wait until the recogniser has been given these entries and no others."""
    async with asyncio.timeout(patience(10)):
        while assistant.handed_over[-1:] != [Context(tuple(entries))]:
            await asyncio.sleep(0.01)


@pytest.mark.asyncio
async def test_names_are_set_added_removed_counted_and_cleared(address, serve):
    async with serve() as assistant, AssistantClient(address) as client:
        assert await client.set_context("contacts", [ANN, BOB, ANN]) == 2
        assert await client.set_context("appliances", [LAMP]) == 1
        assert await client.add_context("contacts", [Entry("contacts", "Zoë")]) == 3
        await until_handed_over(assistant, [ANN, BOB, Entry("contacts", "Zoë"), LAMP])
        assert await client.remove_context("contacts", [" Zoe\u0308 ", "nobody", ""]) == 1
        assert await client.remove_context("appliances", ["light.lamp"]) == 1
        assert await client.count_context() == {"contacts": 2}
        assert await client.context_counts() == {"contacts": 2}
        await client.clear_context("media")
        await client.clear_context()
        assert await client.count_context() == {}
        await until_handed_over(assistant, [])


@pytest.mark.asyncio
async def test_names_are_removed_when_their_client_leaves(address, serve):
    async with serve() as assistant:
        async with AssistantClient(address) as staying:
            await staying.set_context("contacts", [BOB])
            async with AssistantClient(address) as leaving:
                await leaving.set_context("contacts", [ANN])
                await until_handed_over(assistant, [BOB, ANN])
            await until_handed_over(assistant, [BOB])
        await until_handed_over(assistant, [])


@pytest.mark.asyncio
async def test_names_of_a_client_that_leaves_during_its_call_are_removed(address, serve):
    async with serve() as assistant, AssistantClient(address) as watcher:
        async with AssistantClient(address) as hasty:
            people = [Entry("contacts", f"somebody {number}") for number in range(MANY)]
            giving = asyncio.ensure_future(hasty.set_context("contacts", people))
            await hasty.status()  # the daemon has received the call by now
        await asyncio.gather(giving, return_exceptions=True)
        async with asyncio.timeout(patience(10)):
            while assistant.contexts.counts or assistant.contexts._turn.locked():
                await asyncio.sleep(0.01)
        assert await watcher.context_counts() == {}


@pytest.mark.asyncio
async def test_stored_names_outlive_client_and_daemon(address, serve):
    async with serve():
        async with AssistantClient(address) as client:
            await client.set_context("contacts", [ANN], source="org.gnome.Contacts")
            await client.set_context("contacts", [BOB])
        async with AssistantClient(address) as client:
            assert await client.context_sources() == {"org.gnome.Contacts": {"contacts": 1}}
            assert await client.count_context() == {}
    async with serve() as assistant, AssistantClient(address) as client:
        await until_handed_over(assistant, [ANN])
        assert await client.add_context("contacts", [BOB], source="org.gnome.Contacts") == 2
        await client.clear_context(source="org.gnome.Contacts")
        assert await client.context_sources() == {}
    async with serve() as assistant:
        assert assistant.contexts.counts == {}


@pytest.mark.asyncio
async def test_users_cannot_access_stored_names_of_others(address, serve):
    async with serve() as assistant, AssistantClient(address) as client:
        clients = assistant.server._clients
        await client.set_context("contacts", [ANN], source="mine")
        (caller,) = clients._present
        clients._present[caller] = os.getuid() + 1  # simulates another user
        assert await client.context_sources() == {}
        await client.set_context("contacts", [BOB], source="mine")
        await client.clear_context(source="mine")
        clients._present[caller] = os.getuid()
        assert await client.context_sources() == {"mine": {"contacts": 1}}


@pytest.mark.asyncio
async def test_ten_thousand_names_do_not_block_the_loop(address, serve):
    async with serve() as assistant:
        longest = 0.0

        async def watch() -> None:
            nonlocal longest
            while True:
                before = time.thread_time()  # other programs do not count
                await asyncio.sleep(0.001)
                longest = max(longest, time.thread_time() - before)

        watching = asyncio.ensure_future(watch())
        process = await asyncio.create_subprocess_exec(
            sys.executable, "-c", GIVER, address, stdout=subprocess.PIPE
        )
        seconds = float((await process.stdout.readline()).decode())
        watching.cancel()
        assert assistant.contexts.counts == {"contacts": MANY}
        process.kill()
        await process.communicate()
        print(f"10,000 names: {seconds:.3f} s; the loop was blocked for {longest:.3f} s at most")
        assert seconds < patience(2.0)
        assert longest < 0.2


@pytest.mark.asyncio
async def test_messages_behind_a_long_one_keep_their_order(address, serve):
    async with serve(), AssistantClient(address) as client:
        people = [Entry("contacts", f"somebody {number}") for number in range(MANY)]
        calls = (
            client.set_context("contacts", people),
            client.add_context("contacts", [ANN]),
            client.count_context(),
            client.set_context("contacts", [ANN]),
        )
        done = await asyncio.gather(*calls)
        assert (done[0], done[1], done[3]) == (MANY, MANY + 1, 1)


@pytest.mark.asyncio
async def test_many_updates_are_coalesced(address, serve):
    async with serve() as assistant, AssistantClient(address) as client:
        before = time.monotonic()
        people = [Entry("contacts", f"somebody {number}") for number in range(200)]
        for entry in people:
            await client.add_context("contacts", [entry])
        await until_handed_over(assistant, people)
        seconds = time.monotonic() - before
        assert len(assistant.handed_over) <= 2 + seconds / 0.25


@pytest.mark.parametrize(
    ("entries", "error", "words"),
    [
        ([ANN, Entry("contacts", " ")], InvalidNameError, ["entries[1].written", "blank"]),
        ([Entry("contacts", "A\nB")], InvalidNameError, ["'A B'", "line break", "one line"]),
        ([Entry("contacts", "A\u2028B")], InvalidNameError, ["line break"]),
        ([Entry("contacts", "A\x07")], InvalidNameError, ["control character U+0007", "remove"]),
        ([Entry("contacts", "n" * 201)], NameTooLongError, ["entries[0].written", "200"]),
        ([Entry("contacts", "n" * 1_000_000)], NameTooLongError, ["nnn...'", "shorten"]),
        ([Entry("contacts", "A", id="i" * 201)], NameTooLongError, ["entries[0].id"]),
        ([Entry("contacts", "A", ("b", ""))], InvalidNameError, ["entries[0].spoken[1]"]),
        ([Entry("contacts", "A", ("b",) * 9)], TooManySpokenFormsError, ["9 forms", "up to 8"]),
        ([Entry("contacts", "A", (), -1.0)], ArgumentError, ["weight: -1", "from 0 to 10"]),
        ([Entry("contacts", "A", (), float("nan"))], ArgumentError, ["weight: nan"]),
    ],
)
@pytest.mark.asyncio
async def test_bad_entry_is_reported_by_index_and_changes_nothing(
    address, serve, entries, error, words
):
    async with serve(), AssistantClient(address) as client:
        await client.set_context("contacts", [BOB])
        for call in (client.set_context, client.add_context):
            with pytest.raises(error) as caught:
                await call("contacts", entries)
            assert all(word in str(caught.value) for word in words)
            assert len(str(caught.value)) < 2 * LONGEST_NAME
        assert await client.count_context() == {"contacts": 1}


@pytest.mark.asyncio
async def test_wrong_kinds_and_sources_are_refused(address, serve):
    async with serve(), AssistantClient(address) as client:
        for kind in ("", "Contacts", "../contacts", "k" * 33):
            with pytest.raises(ArgumentError, match="kind: .* is not a kind of names; give"):
                await client.set_context(kind, [ANN])
        for source in ("", ".hidden", "a/b", "a b", "s" * 101):
            with pytest.raises(ArgumentError, match="option 'source' is .* letters, digits"):
                await client.set_context("contacts", [ANN], source=source)


@pytest.mark.asyncio
async def test_too_many_names_of_one_client_are_refused(address, serve):
    async with serve(), AssistantClient(address) as client:
        people = [Entry("contacts", str(number)) for number in range(20_000)]
        assert await client.set_context("contacts", people) == 20_000
        with pytest.raises(TooManyEntriesError, match="20001: one client may have 20000"):
            await client.add_context("media", [Entry("media", "one more")])
        assert await client.count_context() == {"contacts": 20_000}


@pytest.mark.asyncio
async def test_names_that_cannot_be_written_are_refused(address, serve, tmp_path):
    async with serve(), AssistantClient(address) as client:
        (tmp_path / "context").write_text("in the way")
        with pytest.raises(StorageError, match="cannot store the names"):
            await client.set_context("contacts", [ANN], source="mine")
        assert await client.context_sources() == {}


@pytest.mark.asyncio
async def test_user_without_authority_can_neither_set_names_nor_list_sources(address, serve):
    async with serve(authorise=lambda user: False), AssistantClient(address) as client:
        for attempt in (
            client.set_context("contacts", [ANN]),
            client.add_context("contacts", [ANN]),
            client.remove_context("contacts", ["Ann"]),
            client.clear_context(),
            client.count_context(),
            client.context_sources(),
        ):
            with pytest.raises(NotAuthorizedError):
                await attempt
        assert await client.context_counts() == {}


@pytest.mark.asyncio
async def test_a_change_is_published_without_numbers_and_names(address, serve, caplog):
    caplog.set_level("DEBUG")
    async with serve() as assistant, AssistantClient(address) as client:
        overheard = []
        connection = await Connection.open(address)
        connection.add_message_handler(overheard.append)
        await connection.ask_daemon("AddMatch", "s", "type='signal',eavesdrop='true'")
        await client.set_context("contacts", [Entry("contacts", "Periwinkle")], source="mine")
        with pytest.raises(InvalidNameError):
            await client.add_context("contacts", [Entry("contacts", "Periwinkle\n")])
        await until_handed_over(assistant, [Entry("contacts", "Periwinkle")])
        await client.status()
        await connection.ask_daemon("GetId", "")
        await connection.close()
        signals = [message for message in overheard if message.message_type is MessageType.SIGNAL]
        told = [message.body for message in signals if message.member == "PropertiesChanged"]
        assert told == [[CONTEXT_INTERFACE, {}, ["Entries"]]]
        assert not any("Periwinkle" in repr(message.body) for message in overheard)
        assert "Periwinkle" not in caplog.text + "".join(assistant.sentences)


@pytest.mark.asyncio
async def test_each_client_reads_its_own_numbers_only(address, serve):
    async with serve() as assistant, AssistantClient(address) as ann, AssistantClient(address) as x:
        clients = assistant.server._clients
        await ann.set_context("contacts", [ANN, BOB])
        await ann.set_context("contacts", [ANN], source="mine")
        await ann.set_context("appliances", [LAMP], source="mine")
        assert await ann.context_counts() == {"appliances": 1, "contacts": 3}
        assert await x.context_counts() == {"appliances": 1, "contacts": 1}  # the same user
        (stranger,) = set(clients._present) - {ann._connection.unique_name}
        clients._present[stranger] = os.getuid() + 1  # simulates another user
        assert await x.context_counts() == {}
        await x.set_context("media", [Entry("media", "a song")])
        assert await x.context_counts() == {"media": 1}


@pytest.mark.asyncio
async def test_interface_is_easy_to_use_from_a_shell(address, serve):
    async with serve() as assistant:
        process = await asyncio.create_subprocess_exec(
            *("gdbus", "call", "--address", address, "--dest", "org.auricle.Assistant1"),
            *("--object-path", "/org/auricle/Assistant1"),
            *("--method", "org.auricle.Context1.Set", "contacts"),
            *("[('Ann', ['annie'], 1.0, '')]", "{'keep': <true>}"),
            stdout=asyncio.subprocess.PIPE,
        )
        output, _ = await process.communicate()
        assert output == b"(uint32 1,)\n"
        assert assistant.contexts.sources(os.getuid()) == {"default": {"contacts": 1}}
