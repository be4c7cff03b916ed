"""What is said of music, with real players and without any."""

from __future__ import annotations

import time
from pathlib import Path

import pytest

from auricle.config.schema import MusicSettings
from auricle.diagnosis.finding import FindingStatus
from auricle.diagnosis.music import examine_music
from testbed.patience import patience
from testbed.private_bus import PrivateBus
from testbed.recordings import Recording
from testbed.virtual_microphone import VirtualMicrophone


def test_streams_are_named_and_the_bus_is_looked_at(
    virtual_microphone: VirtualMicrophone,
    recordings: dict[str, Recording],
    bus: PrivateBus,
) -> None:
    server = virtual_microphone.environment["PULSE_SERVER"]
    settings = MusicSettings(pulse_server=server, spared_roles=())
    speaker = virtual_microphone.start_speaking(recordings["rain"].path)
    try:
        deadline = time.monotonic() + patience(15)
        while time.monotonic() < deadline:
            found = list(examine_music(settings, bus.address))
            if found[-1].found.endswith("paplay"):
                break
    finally:
        speaker.kill()
        speaker.wait()
    assert [one.status for one in found] == [FindingStatus.OK, FindingStatus.OK]
    assert found[0].found == "ducks players on D-Bus: nothing is playing"
    assert found[1].found == "ducks streams of PulseAudio or PipeWire: paplay"


def test_without_sound_server_and_mixer_there_is_a_warning(bus: PrivateBus, tmp_path: Path) -> None:
    settings = MusicSettings(pulse_server=f"unix:{tmp_path}/none", alsa_card="hw:9")
    warning, players = examine_music(settings, bus.address)
    assert warning.status is FindingStatus.WARNING
    assert "no sound server and no mixer" in warning.found
    assert "music.alsa_card" in warning.remedy
    assert players.found == "ducks players on D-Bus: nothing is playing"


@pytest.mark.parametrize("bus", ["unix:path=/nonexistent"])
def test_nothing_is_looked_at_where_music_is_not_ducked(bus: str) -> None:
    (found,) = examine_music(MusicSettings(mode="off"), bus)
    assert found.status is FindingStatus.OK
