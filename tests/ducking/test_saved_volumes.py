"""The record of what is ducked outlives the daemon, whole or not at all."""

from __future__ import annotations

from pathlib import Path

import pytest

from auricle.ducking.backend import STREAMS, StreamKey, Volume
from auricle.ducking.policy import Held
from auricle.ducking.saved_volumes import SavedVolumes
from auricle.errors import StorageError

HELD = Held(
    StreamKey(STREAMS, "c0ffee:7"), Volume((1 / 3, 0.5)), Volume((0.1, 0.2), True), 0.01, "mpv"
)


@pytest.fixture
def file(tmp_path: Path) -> Path:
    return tmp_path / "music" / "ducked.json"


def test_what_was_written_is_read_to_the_last_digit(file: Path) -> None:
    SavedVolumes(file).write([HELD])
    SavedVolumes(file).sync()
    assert SavedVolumes(file).read() == [HELD]
    assert file.stat().st_mode & 0o777 == 0o600


def test_nothing_ducked_leaves_no_file(file: Path) -> None:
    record = SavedVolumes(file)
    record.write([])
    record.write([HELD])
    record.write([])
    assert record.read() == []
    assert not file.exists()


@pytest.mark.parametrize("content", [b"", b"{", b"[]", b'{"format": 2, "held": []}', b"\xff"])
def test_a_damaged_record_is_told_of_and_out_of_the_way(file: Path, content: bytes) -> None:
    file.parent.mkdir()
    file.write_bytes(content)
    with pytest.raises(StorageError, match="damaged"):
        SavedVolumes(file).read()
    assert SavedVolumes(file).read() == []


def test_a_record_that_cannot_be_written_is_an_error(tmp_path: Path) -> None:
    (tmp_path / "music").touch()
    with pytest.raises(StorageError, match="make room"):
        SavedVolumes(tmp_path / "music" / "ducked.json").write([HELD])
