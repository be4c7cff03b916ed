"""Killed at any moment, the next start brings back what was ducked."""

from __future__ import annotations

import asyncio
import random
import subprocess
import sys

import pytest

from testbed.patience import patience

KILLS = 3
RESTLESS = """
import asyncio, random, sys
from pathlib import Path
from auricle.ducking.policy import DuckingMode, Policy
from auricle.ducking.ducker import Ducker
from auricle.ducking.backends.pulse import PulseStreams
from auricle.ducking.saved_volumes import SavedVolumes
from auricle.ducking.backends.mpris import MprisPlayers

async def main(server, bus, file):
    backends = (MprisPlayers(bus), PulseStreams(server))
    record = SavedVolumes(Path(file))
    music = Ducker(backends, Policy(DuckingMode.DUCK, 20.0), 0.0, record, print, lambda: None)
    await music.start()
    print("ready", flush=True)
    while True:
        lease = music.duck("test")
        await asyncio.sleep(random.uniform(0.0, 0.05))
        music.release("test", lease)
        await asyncio.sleep(random.uniform(0.0, 0.05))

asyncio.run(main(*sys.argv[1:]))
"""


@pytest.mark.asyncio
async def test_killed_at_any_moment_it_leaves_nothing_ducked(testbed, quiet, tmp_path) -> None:
    testbed.stream("symphony")
    testbed.set_levels("symphony", 0.77, 0.33)
    testbed.mpv(audio="null", arguments=("--volume=70",))
    before = testbed.levels("symphony")
    (players, _) = testbed.backends()
    await players.start(lambda: None)

    async def volumes() -> list[float]:
        return [level for one in (await players.look()).sounds for level in one.setting.levels]

    async def until_back() -> None:
        async with asyncio.timeout(patience(15)):
            while await volumes() != [pytest.approx(0.7)] or testbed.levels("symphony") != before:
                await asyncio.sleep(0.02)

    await until_back()
    file = tmp_path / "music" / "ducked.json"
    words = (testbed.environment["PULSE_SERVER"], testbed.bus.address, str(file))
    kills = ducked = 0
    while kills < KILLS or not ducked:  # one of them at least while something was ducked
        kills += 1
        restless = subprocess.Popen(
            [sys.executable, "-c", RESTLESS, *words], stdout=subprocess.PIPE, text=True
        )
        assert restless.stdout is not None
        assert restless.stdout.readline() == "ready\n"
        await asyncio.sleep(random.uniform(0.05, 0.3))
        restless.kill()
        restless.communicate()
        ducked += testbed.levels("symphony") != before
        async with quiet(file=file):
            await until_back()
        assert not file.exists()
    await players.close()
