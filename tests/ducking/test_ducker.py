"""Real players are ducked and come back, on a real sound server and a real bus."""

from __future__ import annotations

import asyncio
import contextlib
import os
import signal
from typing import Any

import pytest
from dbus_next.message import Message
from dbus_next.signature import Variant

from auricle.dbus.connection import Connection
from auricle.dbus.names import PROPERTIES_INTERFACE
from auricle.ducking.backends.alsa import AlsaMixer
from auricle.ducking.backends.mpris import PATH, PLAYER, PREFIX
from auricle.ducking.backends.pulse import PulseStreams
from auricle.ducking.policy import DuckingMode
from auricle.errors import AuricleError, SoundError
from testbed.patience import patience
from testbed.virtual_microphone import VirtualMicrophone

FACTOR = 10 ** (-20 / 60)


async def player_of(testbed: Any, member: str, *value: Variant) -> Any:
    """Get or set a property of mpv, as its user's desktop does."""
    connection = await Connection.open(testbed.bus.address)
    try:
        reply = await connection.ask(
            Message(
                destination=PREFIX + "mpv",
                path=PATH,
                interface=PROPERTIES_INTERFACE,
                member="Set" if value else "Get",
                signature="ssv" if value else "ss",
                body=[PLAYER, member, *value],
            )
        )
        return reply.body[0].value if reply.body else None
    finally:
        await connection.close()


async def call_player(testbed: Any, member: str) -> None:
    connection = await Connection.open(testbed.bus.address)
    try:
        await connection.ask(
            Message(destination=PREFIX + "mpv", path=PATH, interface=PLAYER, member=member)
        )
    finally:
        await connection.close()


async def until_property(testbed: Any, member: str, value: object) -> None:
    """Wait until mpv is on the bus, and a property of it has a value."""
    async with asyncio.timeout(patience(15)):
        while True:
            with contextlib.suppress(AuricleError):
                if await player_of(testbed, member) == value:
                    return
            await asyncio.sleep(0.02)


async def until_mixer(mixer: AlsaMixer, *levels: float) -> None:
    async with asyncio.timeout(patience(15)):
        while [one.setting.levels for one in (await mixer.look()).sounds] != [near(*levels)]:
            await asyncio.sleep(0.02)


async def until_levels(testbed: Any, name: str, *levels: float) -> None:
    async with asyncio.timeout(patience(15)):
        while testbed.levels(name) != near(*levels):
            await asyncio.sleep(0.02)


def near(*levels: float) -> Any:
    return pytest.approx(levels, abs=1e-4)


@pytest.mark.asyncio
async def test_streams_come_back_exactly_and_stay_where_their_users_move_them(testbed, quiet):
    testbed.stream("radio")
    testbed.stream("film")
    testbed.stream("voice", "media.role=test")
    testbed.set_levels("radio", 0.81, 0.37)
    film, radio, voice = (testbed.levels(name) for name in ("film", "radio", "voice"))
    async with quiet() as ducking:
        lease = await ducking.begin()
        assert testbed.levels("radio") == near(0.81 * FACTOR, 0.37 * FACTOR)
        assert testbed.levels("film") == near(*(level * FACTOR for level in film))
        assert testbed.levels("voice") == voice
        testbed.set_levels("film", 0.66, 0.66)
        await ducking.end(lease)
        assert testbed.levels("radio") == radio
        assert testbed.levels("film") == near(0.66, 0.66)
        assert ducking.told == []


@pytest.mark.asyncio
async def test_what_begins_meanwhile_is_ducked_too_and_what_ends_begins_as_before(testbed, quiet):
    async with quiet() as ducking:
        lease = await ducking.begin()
        radio = testbed.stream("news")
        await until_levels(testbed, "news", FACTOR, FACTOR)
        testbed.set_levels("news", 0.9, 0.9)
        await ducking.end(lease)
        assert testbed.levels("news") == near(0.9, 0.9)
        lease = await ducking.begin()
        assert testbed.levels("news") == near(0.9 * FACTOR, 0.9 * FACTOR)
        radio.kill()
        radio.wait()
        await ducking.end(lease)
        testbed.stream("news")
        await until_levels(testbed, "news", 0.9, 0.9)


@pytest.mark.asyncio
async def test_a_player_beside_the_sound_server_is_ducked_by_its_own_volume(testbed, quiet):
    testbed.mpv(audio="null", arguments=("--volume=80",))
    await until_property(testbed, "PlaybackStatus", "Playing")
    async with quiet() as ducking:
        assert await player_of(testbed, "Volume") == pytest.approx(0.8)
        lease = await ducking.begin()
        await until_property(testbed, "Volume", pytest.approx(0.8 * FACTOR, abs=0.01))
        await ducking.end(lease)
        await until_property(testbed, "Volume", pytest.approx(0.8))
        lease = await ducking.begin()
        await until_property(testbed, "Volume", pytest.approx(0.8 * FACTOR, abs=0.01))
        await player_of(testbed, "Volume", Variant("d", 0.6))
        await ducking.end(lease)
        assert await player_of(testbed, "Volume") == pytest.approx(0.6)
        assert ducking.told == []


@pytest.mark.asyncio
async def test_a_player_that_is_a_stream_too_is_ducked_once(testbed, quiet):
    testbed.mpv()
    await until_property(testbed, "PlaybackStatus", "Playing")
    before = testbed.levels("mpv")
    async with quiet() as ducking:
        lease = await ducking.begin()
        assert testbed.levels("mpv") == near(*(level * FACTOR for level in before))
        assert await player_of(testbed, "Volume") == 1.0
        await ducking.end(lease)
        assert testbed.levels("mpv") == before


@pytest.mark.asyncio
async def test_to_pause_pauses_players_and_mutes_what_cannot(testbed, quiet):
    testbed.mpv()
    testbed.stream("jazz")
    await until_property(testbed, "PlaybackStatus", "Playing")
    async with quiet(mode=DuckingMode.PAUSE) as ducking:
        lease = await ducking.begin()
        await until_property(testbed, "PlaybackStatus", "Paused")
        muted = {one.proplist["application.name"]: one.mute for one in testbed.streams()}
        assert muted == {"mpv": 0, "jazz": 1}
        await ducking.end(lease)
        await until_property(testbed, "PlaybackStatus", "Playing")
        assert not any(one.mute for one in testbed.streams())
        await call_player(testbed, "Pause")
        await until_property(testbed, "PlaybackStatus", "Paused")
        lease = await ducking.begin()
        await ducking.end(lease)
        assert await player_of(testbed, "PlaybackStatus") == "Paused"


@pytest.mark.asyncio
async def test_a_frozen_player_holds_up_no_other_and_comes_back_when_it_goes_on(testbed, quiet):
    testbed.stream("drama")
    frozen = testbed.mpv(audio="null", arguments=("--volume=80",))
    await until_property(testbed, "PlaybackStatus", "Playing")
    async with quiet() as ducking:
        lease = await ducking.begin()
        await until_property(testbed, "Volume", pytest.approx(0.8 * FACTOR, abs=0.01))
        os.kill(frozen.pid, signal.SIGSTOP)
        await ducking.end(lease)
        assert testbed.levels("drama") == near(1.0, 1.0)
        os.kill(frozen.pid, signal.SIGCONT)
        await until_property(testbed, "Volume", pytest.approx(0.8))


@pytest.mark.asyncio
async def test_a_sound_server_that_goes_away_is_told_of_once_and_used_when_it_is_back(quiet):
    with VirtualMicrophone() as server:
        async with quiet([PulseStreams(server.environment["PULSE_SERVER"])]) as ducking:
            for _ in range(2):
                server.unplug()
                for _ in range(2):
                    await ducking.end(await ducking.begin())
                server.plug_in()
                await ducking.end(await ducking.begin())
            assert ["cannot be reached" in sentence for sentence in ducking.told] == [True, True]


@pytest.mark.asyncio
async def test_a_frozen_sound_server_holds_up_nothing_and_is_used_when_it_goes_on(quiet):
    with VirtualMicrophone() as server:
        async with quiet([PulseStreams(server.environment["PULSE_SERVER"])]) as ducking:
            os.kill(server.pid, signal.SIGSTOP)
            lease = await ducking.begin()
            (told,) = ducking.told
            assert told.startswith("pulse does not answer; ")
            os.kill(server.pid, signal.SIGCONT)
            await ducking.end(lease)
            await ducking.end(await ducking.begin())
            assert len(ducking.told) == 1


@pytest.mark.asyncio
async def test_a_missing_sound_server_is_reported_only_if_ducking_is_on(quiet, tmp_path):
    backends = [PulseStreams(f"unix:{tmp_path}/nobody")]
    async with quiet(backends, DuckingMode.OFF) as ducking:
        await ducking.end(await ducking.begin())
        assert ducking.told == []
    async with quiet(backends) as ducking:
        assert len(ducking.told) == 1


@pytest.mark.asyncio
async def test_all_is_back_when_the_daemon_ends(testbed, quiet):
    testbed.stream("overture")
    async with quiet() as ducking:
        await ducking.begin()
        assert testbed.levels("overture") == near(FACTOR, FACTOR)
    assert testbed.levels("overture") == near(1.0, 1.0)


@pytest.mark.asyncio
async def test_without_a_record_nothing_is_ducked(tmp_path, testbed, quiet):
    testbed.stream("match")
    (tmp_path / "full").touch()
    async with quiet(file=tmp_path / "full" / "ducked.json") as ducking:
        for _ in range(2):
            lease = await ducking.begin()
            assert testbed.levels("match") == near(1.0, 1.0)
            await ducking.end(lease)
    assert "cannot be read" in ducking.told[0]
    assert "cannot save the volumes" in ducking.told[1]
    assert len(ducking.told) == 2


@pytest.mark.asyncio
async def test_the_mixer_of_a_card_is_the_last_resort(testbed, quiet, monkeypatch):
    # ALSA's own plug-in makes a mixer of the sound server; amixer and its library are real.
    for name, value in testbed.environment.items():
        monkeypatch.setenv(name, value)
    mixer = AlsaMixer("pulse", proc=None)
    (before,) = (await mixer.look()).sounds
    async with quiet([PulseStreams("unix:/nonexistent"), mixer]) as ducking:
        lease = await ducking.begin()
        await until_mixer(mixer, *before.setting.scaled(FACTOR).levels)
        await ducking.end(lease)
        await until_mixer(mixer, *before.setting.levels)
        assert (await mixer.look()).sounds == (before,)
    async with quiet([PulseStreams(testbed.environment["PULSE_SERVER"]), mixer]) as ducking:
        lease = await ducking.begin()
        assert (await mixer.look()).sounds == (before,)
        await ducking.end(lease)


@pytest.mark.asyncio
async def test_a_card_without_the_control_is_told_of(testbed, monkeypatch):
    for name, value in testbed.environment.items():
        monkeypatch.setenv(name, value)
    with pytest.raises(SoundError, match="choose music.alsa_control"):
        await AlsaMixer("pulse", "Trumpet").look()
    with pytest.raises(SoundError, match="the card hw:9 has no mixer"):
        await AlsaMixer("hw:9").look()
