"""The daemon is on the bus while it starts: properties can be read, and calls wait."""

from __future__ import annotations

import asyncio

import pytest

from auricle.assistant import Activity, Status
from auricle.bus import readiness as module
from auricle.bus.readiness import Readiness
from auricle.client.client import AssistantClient
from auricle.errors import StartingError

STARTING = Status(Activity.STARTING, False, (), "")


@pytest.mark.asyncio
async def test_properties_can_be_read_while_the_daemon_starts(address, serve):
    async with serve(ready=False) as assistant, AssistantClient(address) as client:
        assistant.known = STARTING
        assert (await client.status())["State"] == "starting"
        assert (await client.privacy())["Mode"] == "local"
        assert (await client.arbiter())["Ducked"] is False
        assert await client.context_counts() == {}


@pytest.mark.asyncio
async def test_calls_wait_until_the_daemon_is_ready(address, serve):
    async with serve(ready=False) as assistant, AssistantClient(address) as client:
        calls = [
            asyncio.ensure_future(call)
            for call in (client.listen(), client.subscribe(["alexa"]), client.set_muted(False),
                         client.set_context("contacts", []), client.set_privacy("local"),
                         client.duck())
        ]  # fmt: skip
        await client.status()  # the daemon has received them all
        assert not any(call.done() for call in calls)
        assert assistant.state.running is None
        assistant.server.become_ready()
        assert (await asyncio.gather(*calls))[0] == "s1"


@pytest.mark.asyncio
async def test_a_call_that_has_waited_too_long_fails_with_a_remedy(address, serve, monkeypatch):
    monkeypatch.setattr(Readiness.__init__, "__kwdefaults__", {"wait_seconds": 0.1})
    async with serve(ready=False) as assistant, AssistantClient(address) as client:
        with pytest.raises(StartingError, match="Auricle is starting; try again in a few seconds"):
            await client.listen()
        assistant.server.become_ready()
        await client.listen()


@pytest.mark.asyncio
async def test_not_too_many_calls_wait(monkeypatch):
    monkeypatch.setattr(module, "MOST_WAITING", 2)
    readiness = Readiness(ready=False)
    waiting = [asyncio.ensure_future(readiness.wait()) for _ in range(2)]
    await asyncio.sleep(0)
    with pytest.raises(StartingError, match="many calls wait for it"):
        await readiness.wait()
    readiness.set()
    await asyncio.gather(*waiting)
    await readiness.wait()
