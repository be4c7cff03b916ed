"""The record of what is ducked outlives the daemon, whole or not at all."""

from __future__ import annotations

import json
import os
from pathlib import Path

import pytest

from auricle.ducking.backend import STREAMS, StreamKey, Volume
from auricle.ducking.ducker import Ducker
from auricle.ducking.policy import DuckingMode, Held, Policy
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


ENTRY = json.dumps(
    {"backend": "pulse", "id": "7", "before": [[0.5], False], "after": [[0.1], False],
     "grain": 0.01, "memory": "mpv"}
)  # fmt: skip
DAMAGED = [
    b"",
    b"{",
    b"[]",
    b'{"format": 2, "held": []}',
    b"\xff",
    b"[" * 3000,
    b'{"format": 1, "held": [' + b"9" * 400 + b"]}",
    *(
        f'{{"format": 1, "held": [{ENTRY.replace(old, new)}]}}'.encode()
        for old, new in [
            ("0.5", "1" + "0" * 400),
            ("0.5", "1e400"),
            ("0.5", "NaN"),
            ("0.5", '"nan"'),
            ("0.5", "1e30"),
            ("[0.5]", '"123"'),
            ("false", "7"),
            ("0.01", "null"),
            ('"7"', "7"),
            ('"mpv"', '"\\ud800"'),
            ('"mpv"', '"\\u0000"'),
            ('"memory"', '"id"'),
        ]
    ),
]


@pytest.mark.parametrize("content", DAMAGED)
def test_a_damaged_file_is_reported_and_set_aside(file: Path, content: bytes) -> None:
    file.parent.mkdir()
    file.write_bytes(content)
    with pytest.raises(StorageError, match="was damaged and is now ducked.json.damaged: .*by hand"):
        SavedVolumes(file).read()
    assert SavedVolumes(file).read() == []
    assert file.with_name("ducked.json.damaged").read_bytes() == content


def test_the_undamaged_entry_is_read(file: Path) -> None:
    file.parent.mkdir()
    file.write_text(f'{{"format": 1, "held": [{ENTRY}]}}')
    assert SavedVolumes(file).read()[0].before == Volume((0.5,))


@pytest.mark.asyncio
async def test_the_ducker_starts_without_a_damaged_file(file: Path) -> None:
    file.parent.mkdir()
    file.write_bytes(b'{"format": 1, "held": [' + b"9" * 400 + b"]}")
    told: list[str] = []
    for _ in range(2):
        ducker = Ducker(
            (), Policy(DuckingMode.DUCK, 20), 0, SavedVolumes(file), told.append, lambda: None
        )
        await ducker.start()
        await ducker.close()
    assert len(told) == 1


def test_a_pipe_in_its_place_does_not_block(file: Path) -> None:
    file.parent.mkdir()
    os.mkfifo(file)
    with pytest.raises(StorageError, match="was damaged and is now"):
        SavedVolumes(file).read()
    assert SavedVolumes(file).read() == []


def test_a_record_that_cannot_be_written_is_an_error(tmp_path: Path) -> None:
    (tmp_path / "music").touch()
    with pytest.raises(StorageError, match="make room"):
        SavedVolumes(tmp_path / "music" / "ducked.json").write([HELD])
