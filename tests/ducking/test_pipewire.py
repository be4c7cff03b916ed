"""Streams of a real PipeWire are ducked and come back, where one is installed."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest

from testbed.patience import patience
from testbed.pipewire import PipeWire, is_installed
from testbed.player import write_tone
from testbed.private_bus import PrivateBus

from .conftest import Stage

FACTOR = 10 ** (-20 / 60)

pytestmark = pytest.mark.skipif(
    not is_installed(), reason="pipewire, pipewire-pulse and wireplumber are not installed"
)


@pytest.fixture(scope="module")
def house(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stage]:
    tone = tmp_path_factory.mktemp("tone") / "tone.wav"
    write_tone(tone, seconds=60.0)
    with PrivateBus() as bus, PipeWire(bus.address) as server:
        yield Stage(server, bus, Path(tone), ExitStack())


async def until_levels(testbed: Stage, name: str, *levels: float) -> None:
    async with asyncio.timeout(patience(15)):
        while testbed.levels(name) != pytest.approx(levels, abs=1e-4):
            await asyncio.sleep(0.02)


@pytest.mark.asyncio
async def test_streams_of_pipewire_come_back_exactly(testbed, quiet):
    testbed.stream("radio")
    testbed.stream("film")
    testbed.set_levels("radio", 0.81, 0.37)
    before = testbed.levels("radio")
    async with quiet() as ducking:
        lease = await ducking.begin()
        await until_levels(testbed, "radio", 0.81 * FACTOR, 0.37 * FACTOR)
        testbed.set_levels("film", 0.66, 0.66)
        await ducking.end(lease)
        assert testbed.levels("radio") == before
        await until_levels(testbed, "film", 0.66, 0.66)
        assert ducking.told == []


@pytest.mark.asyncio
async def test_what_ended_while_it_was_ducked_is_brought_back_when_it_plays_again(testbed, quiet):
    program = testbed.stream("jazz")
    testbed.set_levels("jazz", 0.9, 0.9)
    async with quiet() as ducking:
        lease = await ducking.begin()
        await until_levels(testbed, "jazz", 0.9 * FACTOR, 0.9 * FACTOR)
        await asyncio.sleep(1.5)  # WirePlumber writes down what it remembers
        program.kill()
        program.wait()
        await ducking.end(lease)
        testbed.stream("jazz")
        await until_levels(testbed, "jazz", 0.9, 0.9)
