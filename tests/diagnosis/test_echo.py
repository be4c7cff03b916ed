"""What is said of a microphone that a real PulseAudio cancels echo for, and of others."""

from __future__ import annotations

import re
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from auricle.audio.microphone import Microphone
from auricle.diagnosis.echo import examine_echo
from auricle.diagnosis.finding import Finding, FindingStatus
from testbed.echoing_room import CANCELLED, MICROPHONE, EchoingRoom
from testbed.pipewire import PipeWire, is_installed
from testbed.private_bus import PrivateBus
from testbed.virtual_microphone import ALSA_CONFIG

ROOT = Path(__file__).parents[2]
PIPEWIRE = ROOT / "etc" / "pipewire" / "pipewire.conf.d" / "80-auricle-echo.conf"


@pytest.fixture
def room(monkeypatch: pytest.MonkeyPatch) -> Iterator[EchoingRoom]:
    """A sound server with a canceller, in this process's environment."""
    with EchoingRoom() as room:
        for name, value in room.environment.items():
            monkeypatch.setenv(name, value)
        yield room


def finding(device: str) -> Finding:
    with Microphone(device):
        return examine_echo()


def test_a_source_that_cancels_echo_is_well_if_players_play_to_it(room: EchoingRoom) -> None:
    past = finding(f"pulse:{CANCELLED}")
    assert past.status is FindingStatus.WARNING
    assert "but players use" in past.found
    subprocess.run(past.remedy.split("`")[1].split(), check=True)
    well = finding(f"pulse:{CANCELLED}")
    assert well == Finding(
        "echo", FindingStatus.OK, f"'{CANCELLED}' cancels the sound of this device"
    )


def test_another_source_has_the_snippets_for_a_remedy(room: EchoingRoom) -> None:
    bare = finding(f"pulse:{MICROPHONE}")
    assert bare.status is FindingStatus.OK
    assert f"'{MICROPHONE}' does not cancel echo" in bare.found
    named = re.findall(r"etc/\S+", bare.remedy)
    assert len(named) == len(("PulseAudio", "PipeWire"))
    assert all((ROOT / name).is_file() for name in named)


def test_a_microphone_without_a_sound_server_is_told(tmp_path: Path) -> None:
    assert "not recorded through" in examine_echo(f"unix:{tmp_path}/none").found


@pytest.mark.skipif(not is_installed(), reason="PipeWire is not installed")
def test_pipewire_cancels_by_the_snippet(
    bus: PrivateBus, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    config = tmp_path / "asound.conf"
    config.write_text(ALSA_CONFIG, encoding="utf-8")
    monkeypatch.setenv("ALSA_CONFIG_PATH", str(config))
    with PipeWire(bus.address, PIPEWIRE) as server:
        for name, value in server.environment.items():
            monkeypatch.setenv(name, value)
        assert finding(f"pulse:{CANCELLED}").found.endswith("cancels the sound of this device")
        assert finding("pulse:speaker.monitor").found.startswith("'speaker.monitor' does not")
