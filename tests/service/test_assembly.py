"""The service assembles wake-word networks and ducking from a configuration."""

from __future__ import annotations

import asyncio
import signal
from collections.abc import Iterator
from pathlib import Path

import pulsectl
import pytest

from auricle.client.client import AssistantClient
from auricle.config.schema import Config
from auricle.errors import ArgumentError
from auricle.service.assembly import load_wake
from testbed.patience import patience
from testbed.player import Player
from testbed.private_bus import PrivateBus
from testbed.running_daemon import RunningDaemon
from testbed.virtual_microphone import VirtualMicrophone

SECONDS = 20.0
CONFIG = "log: {level: debug}\nwake: {models: [alexa]}\nmusic: {decibels: 12, linger_ms: 100}\n"
DUCKED = 10 ** (-12 / 60)


@pytest.fixture
def server(virtual_microphone: VirtualMicrophone) -> Iterator[pulsectl.Pulse]:
    """A client of the sound server that reads the volumes."""
    with pulsectl.Pulse("test", server=virtual_microphone.environment["PULSE_SERVER"]) as pulse:
        yield pulse


async def until_level(server: pulsectl.Pulse, level: float) -> None:
    """Wait until all channels of the only stream have a volume."""
    async with asyncio.timeout(patience(SECONDS)):
        while levels(server) != [pytest.approx(level, abs=1e-4)]:
            await asyncio.sleep(0.02)


def levels(server: pulsectl.Pulse) -> list[float]:
    streams = [one for one in server.sink_input_list() if not one.corked]
    return sorted({level for stream in streams for level in stream.volume.values})


def test_wake_networks_run_with_the_given_threads() -> None:
    with pytest.raises(ArgumentError, match="threads is 0"):
        load_wake(Config(), threads=0)
    assert load_wake(Config(), threads=2) is not None


@pytest.mark.asyncio
async def test_music_is_ducked_during_a_session_and_restored_after_a_kill(
    virtual_microphone: VirtualMicrophone, bus: PrivateBus, server: pulsectl.Pulse, tmp_path: Path
) -> None:
    environment = {**virtual_microphone.environment, "STATE_DIRECTORY": str(tmp_path)}
    with Player(virtual_microphone.environment, mpris=False):
        await until_level(server, 1.0)
        with RunningDaemon(bus.address, CONFIG, environment=environment) as daemon:
            async with AssistantClient(bus.address) as client:
                session = await client.listen(no_speech_seconds=50)
                await until_level(server, DUCKED)
                assert (await client.arbiter())["Ducked"] is True
                await client.cancel(session)
                await until_level(server, 1.0)
                daemon.config.write_text(CONFIG.replace("12", "20"))
                daemon.signal(signal.SIGHUP)
                daemon.wait_for("RELOADING")
                daemon.wait_for("READY")
                await client.listen(no_speech_seconds=50)
                await until_level(server, 10 ** (-20 / 60))
                daemon.signal(signal.SIGKILL)
                daemon.wait()
        assert levels(server) == [pytest.approx(10 ** (-20 / 60), abs=1e-4)]
        with RunningDaemon(bus.address, CONFIG, environment=environment):
            await until_level(server, 1.0)
