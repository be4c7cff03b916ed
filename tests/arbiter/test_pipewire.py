"""Streams of a real PipeWire are ducked and come back, where one is installed."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest

from stage.pipewire import PipeWire, is_installed
from stage.player import write_tone
from stage.private_bus import PrivateBus

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


async def until_levels(stage: Stage, name: str, *levels: float) -> None:
    async with asyncio.timeout(15):
        while stage.levels(name) != pytest.approx(levels, abs=1e-4):
            await asyncio.sleep(0.02)


@pytest.mark.asyncio
async def test_streams_of_pipewire_come_back_exactly(stage, quiet):
    stage.stream("radio")
    stage.stream("film")
    stage.set_levels("radio", 0.81, 0.37)
    before = stage.levels("radio")
    async with quiet() as ducking:
        lease = await ducking.begin()
        await until_levels(stage, "radio", 0.81 * FACTOR, 0.37 * FACTOR)
        stage.set_levels("film", 0.66, 0.66)
        await ducking.end(lease)
        assert stage.levels("radio") == before
        await until_levels(stage, "film", 0.66, 0.66)
        assert ducking.told == []


@pytest.mark.asyncio
async def test_what_ended_while_it_was_ducked_is_brought_back_when_it_plays_again(stage, quiet):
    program = stage.stream("jazz")
    stage.set_levels("jazz", 0.9, 0.9)
    async with quiet() as ducking:
        lease = await ducking.begin()
        await until_levels(stage, "jazz", 0.9 * FACTOR, 0.9 * FACTOR)
        await asyncio.sleep(1.5)  # WirePlumber writes down what it remembers
        program.kill()
        program.wait()
        await ducking.end(lease)
        stage.stream("jazz")
        await until_levels(stage, "jazz", 0.9, 0.9)
