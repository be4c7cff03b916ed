"""Which service fits a machine."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from auricle.diagnosis.bus import Owner
from auricle.diagnosis.finding import FindingStatus
from auricle.diagnosis.unit import examine_home

DAEMON = Owner(process=1, user=os.getuid())


def look(tmp_path: Path, bus: str, daemon: Owner | None = None):
    environment = {"XDG_RUNTIME_DIR": str(tmp_path / "run")}
    return examine_home(daemon, bus, environment, tmp_path / "asound", tmp_path / "system-pulse")


def touch(file: Path) -> None:
    file.parent.mkdir(parents=True, exist_ok=True)
    file.touch()


@pytest.mark.parametrize("socket", ["pipewire-0", "pulse/native"])
def test_with_a_sound_server_of_ones_own_the_user_service_fits(tmp_path: Path, socket: str) -> None:
    touch(tmp_path / "run" / socket)
    finding = look(tmp_path, "session")
    assert (finding.check, finding.status) == ("home", FindingStatus.OK)
    assert "`systemctl --user enable --now auricle` starts it" in finding.found


@pytest.mark.parametrize("place", ["asound/card0/pcm0c/info", "system-pulse"])
def test_with_the_card_alone_or_a_server_for_all_the_system_service_fits(
    tmp_path: Path, place: str
) -> None:
    touch(tmp_path / place)
    assert "`sudo systemctl enable --now auricle` starts it" in look(tmp_path, "system").found
    assert look(tmp_path, "system", DAEMON).found.endswith("it is running")


def test_the_service_that_does_not_fit_is_told_with_the_way_to_the_other(tmp_path: Path) -> None:
    touch(tmp_path / "run" / "pipewire-0")
    finding = look(tmp_path, "system", DAEMON)
    assert finding.status is FindingStatus.WARNING
    assert finding.remedy == (
        "`sudo systemctl disable --now auricle`, then `systemctl --user enable --now auricle`"
    )


def test_without_sound_no_service_is_advised(tmp_path: Path) -> None:
    assert look(tmp_path, "system").found == "there is no sound card: either service can be used"
