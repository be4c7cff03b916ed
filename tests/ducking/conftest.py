"""Real players and sound servers, and what ducks them."""

from __future__ import annotations

import asyncio
import subprocess
import time
from collections.abc import AsyncIterator, Callable, Iterator, Sequence
from contextlib import AbstractAsyncContextManager, ExitStack, asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pulsectl
import pytest

from auricle.ducking.backend import Backend
from auricle.ducking.backends.mpris import MprisPlayers
from auricle.ducking.backends.pulse import PulseStreams
from auricle.ducking.ducker import Ducker
from auricle.ducking.policy import DuckingMode, Policy
from auricle.ducking.saved_volumes import SavedVolumes
from testbed.patience import patience
from testbed.pipewire import PipeWire
from testbed.player import Player, write_tone
from testbed.private_bus import PrivateBus
from testbed.virtual_microphone import VirtualMicrophone

SECONDS = 15.0


@dataclass
class Stage:
    """A sound server that remembers volumes, a message bus, and whoever plays there."""

    server: VirtualMicrophone | PipeWire
    bus: PrivateBus
    tone: Path
    playing: ExitStack = field(default_factory=ExitStack)

    @property
    def environment(self) -> dict[str, str]:
        return {**self.server.environment, **self.bus.environment}

    def mpv(self, **options: Any) -> Player:
        """Start a player; it is seen where it can be seen on return."""
        player = self.playing.enter_context(Player(self.environment, **options))
        if options.get("audio", "pulse") == "pulse":
            until(lambda: any(process_of(one) == player.pid for one in self.sounding()))
        return player

    def stream(self, name: str, *properties: str) -> subprocess.Popen[bytes]:
        """Let a program play without a player; returns once it does."""
        before = {one.index for one in self.sounding()}
        words = [f"--property={one}" for one in (f"application.name={name}", *properties)]
        program = subprocess.Popen(
            ["paplay", *words, str(self.tone)], env=self.environment, stdin=subprocess.DEVNULL
        )
        self.playing.callback(stop, program)
        until(lambda: {one.index for one in self.sounding()} - before)
        return program

    def streams(self) -> list[Any]:
        with pulsectl.Pulse("test", server=self.environment["PULSE_SERVER"]) as pulse:
            return list(pulse.sink_input_list())

    def sounding(self) -> list[Any]:
        return [one for one in self.streams() if not one.corked]

    def levels(self, name: str) -> list[float]:
        """Return the volumes of the stream of a program."""
        (stream,) = (one for one in self.streams() if one.proplist["application.name"] == name)
        return list(stream.volume.values)

    def set_levels(self, name: str, *levels: float) -> None:
        """Move the volume of a program, as its user does."""
        with pulsectl.Pulse("test", server=self.environment["PULSE_SERVER"]) as pulse:
            (stream,) = (
                one for one in pulse.sink_input_list() if one.proplist["application.name"] == name
            )
            pulse.volume_set(stream, pulsectl.PulseVolumeInfo(list(levels)))

    def backends(self) -> tuple[Backend, ...]:
        return (
            MprisPlayers(self.bus.address),
            PulseStreams(self.environment["PULSE_SERVER"], ("test",)),
        )


def process_of(stream: Any) -> int:
    return int(stream.proplist.get("application.process.id", 0))


def stop(program: subprocess.Popen[bytes]) -> None:
    program.kill()
    program.wait()


def until(condition: Callable[[], object]) -> None:
    """Wait until `condition` holds."""
    deadline = time.monotonic() + patience(SECONDS)
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.02)


async def eventually(condition: Callable[[], object]) -> None:
    """Wait until `condition` holds, while the event loop goes on."""
    async with asyncio.timeout(patience(SECONDS)):
        while not condition():
            await asyncio.sleep(0.02)


@pytest.fixture(scope="module")
def house(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stage]:
    tone = tmp_path_factory.mktemp("tone") / "tone.wav"
    write_tone(tone, seconds=60.0)
    with VirtualMicrophone(rate=44_100, channels=2) as server, PrivateBus() as bus:
        subprocess.run(
            ["pactl", "load-module", "module-stream-restore", "restore_device=false"],
            env=server.environment | {"PATH": "/usr/bin:/bin"},
            stdout=subprocess.DEVNULL,
            check=True,
        )
        yield Stage(server, bus, tone)


@pytest.fixture
def testbed(house: Stage) -> Iterator[Stage]:
    """The house without anybody who plays."""
    with ExitStack() as house.playing:
        yield house
    until(lambda: not house.streams())


@dataclass
class Quiet:
    """What ducks, as a test has it."""

    music: Ducker
    told: list[str]

    async def begin(self) -> int:
        lease = self.music.duck("test")
        await self.music.settled()
        return lease

    async def end(self, lease: int) -> None:
        self.music.release("test", lease)
        await self.music.settled()


MakeQuiet = Callable[..., AbstractAsyncContextManager[Quiet]]


@pytest.fixture
def quiet(testbed: Stage, tmp_path: Path) -> MakeQuiet:
    """Return what makes something that ducks the players of the testbed, or other back ends."""

    @asynccontextmanager
    async def make(
        backends: Sequence[Backend] | None = None,
        mode: DuckingMode = DuckingMode.DUCK,
        file: Path = tmp_path / "music" / "ducked.json",
    ) -> AsyncIterator[Quiet]:
        told: list[str] = []
        able = testbed.backends() if backends is None else backends
        policy = Policy(mode, 20.0)
        music = Ducker(able, policy, 0.0, SavedVolumes(file), told.append, lambda: None)
        await music.start()
        await music.settled()
        try:
            yield Quiet(music, told)
        finally:
            await music.close()

    return make
