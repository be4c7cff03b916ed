"""The virtual microphone cleans up and reports errors."""

from __future__ import annotations

from pathlib import Path

import pytest

from testbed.errors import StageError
from testbed.virtual_microphone import VirtualMicrophone


def test_nothing_is_left_behind() -> None:
    with VirtualMicrophone() as microphone:
        folder, pid = microphone.folder, microphone.pid
        assert folder.is_dir()
    assert not folder.exists()
    assert not Path(f"/proc/{pid}").exists()


def test_a_server_that_does_not_start_says_why() -> None:
    with pytest.raises(StageError, match="does not start; log:"), VirtualMicrophone(channels=0):
        pass


def test_playback_failure_is_reported(
    virtual_microphone: VirtualMicrophone, tmp_path: Path
) -> None:
    with pytest.raises(StageError, match="paplay cannot play"):
        virtual_microphone.speak(tmp_path / "none.wav")


def test_an_unplugged_microphone_has_no_server() -> None:
    with pytest.raises(StageError, match="unplugged"):
        _ = VirtualMicrophone().pid
