"""Any bytes as a file that the daemon keeps: it starts, and what was damaged is still there."""

from __future__ import annotations

import json
import tempfile
from pathlib import Path

from hypothesis import given
from hypothesis import strategies as st

from auricle.cli.privacy import _for_people
from auricle.ducking.backend import StreamKey, Volume
from auricle.ducking.policy import Held
from auricle.ducking.saved_volumes import MOST_LEVEL, SavedVolumes
from auricle.errors import StorageError
from auricle.privacy.audit_log import NAME, AuditLog
from auricle.privacy.mode import STRICTEST, ModeFile


def fuzz_one(data: bytes) -> None:
    """Read every state file with this content; raise an error only if a reader fails."""
    with tempfile.TemporaryDirectory(prefix="auricle-fuzz-") as name:
        folder = Path(name)
        check_volumes(folder / "ducked.json", data)
        check_mode(folder / "mode", data)
        check_log(folder / "record", data)


def check_volumes(file: Path, data: bytes) -> None:
    """Read saved volumes twice."""
    file.write_bytes(data)
    try:
        held = SavedVolumes(file).read()
    except StorageError:
        assert file.with_name("ducked.json.damaged").read_bytes() == data
        assert SavedVolumes(file).read() == []
    else:
        for one in held:
            assert all(abs(level) <= MOST_LEVEL for level in one.before.levels)
        SavedVolumes(file).write(held)
        assert SavedVolumes(file).read() == held


def check_mode(file: Path, data: bytes) -> None:
    """Read the privacy mode twice."""
    file.write_bytes(data)
    switch, message = ModeFile(file).load()
    if message:
        assert switch == STRICTEST
    if len(data) <= 1024:
        assert ModeFile(file).load() == (switch, "")


def check_log(folder: Path, data: bytes) -> None:
    """Read the audit log, and append to it."""
    folder.mkdir()
    (folder / NAME).write_bytes(data)
    log = AuditLog(folder)
    before = log.read()
    for line in before.lines:
        assert isinstance(_for_people(line), str)
    log.add("a.example", b"{}", keep=True)
    assert len(log.read().lines) >= len(before.lines)


@given(data=st.binary(max_size=200))
def test_any_bytes_are_read_or_set_aside(data: bytes) -> None:
    fuzz_one(data)


VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=4)
    | st.sampled_from([10**400, -(10**400), "\0", "\ud800"]),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=4), inner),
    max_leaves=6,
)  # fmt: skip
HELD = {"backend": "pulse", "id": "7", "before": [[0.5], False], "after": [[0.1], False],
        "grain": 0.01, "memory": "mpv"}  # fmt: skip
LINE = {"number": 1, "time": "", "host": "a", "bytes": 2, "sha256": "0", "previous": "0" * 64,
        "lattice": {"words": ["a"]}}  # fmt: skip


@given(key=st.sampled_from([*HELD]), value=VALUES)
def test_any_value_in_saved_volumes(key: str, value: object) -> None:
    fuzz_one(json.dumps({"format": 1, "held": [HELD | {key: value}]}).encode())


@given(key=st.sampled_from([*LINE]), value=VALUES)
def test_any_value_in_the_log(key: str, value: object) -> None:
    fuzz_one(json.dumps(LINE | {key: value}).encode() + b"\n")


def test_what_is_written_is_read(tmp_path: Path) -> None:
    held = Held(StreamKey("pulse", "7"), Volume((0.5,)), Volume((0.1,)), 0.01, "mpv")
    SavedVolumes(tmp_path / "ducked.json").write([held])
    fuzz_one((tmp_path / "ducked.json").read_bytes())
