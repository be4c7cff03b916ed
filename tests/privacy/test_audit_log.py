"""The audit log: complete, chained, and on the disk before anything is sent."""

from __future__ import annotations

import errno
import hashlib
import json
import os
import stat
from pathlib import Path

import pytest

from auricle.errors import StorageError
from auricle.privacy import audit_log as record_module
from auricle.privacy.audit_log import FIRST, MOST_FILES, NAME, AuditLog

DATA = b'{"version":1,"words":["call"]}'


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return tmp_path / "state" / "record"


def filled(folder: Path, count: int = 4) -> AuditLog:
    record = AuditLog(folder)
    for _ in range(count):
        record.add("a.example:443", DATA, keep=False)
    return record


def test_line_contains_lattice_and_time(folder: Path) -> None:
    record = filled(folder, 1)
    record.add("a.example:443", DATA, keep=True)
    told = AuditLog(folder).read()
    first, second = map(json.loads, told.lines)
    assert told.fault == ""
    assert (first["number"], first["bytes"], first["previous"]) == (1, len(DATA), FIRST)
    assert first["host"] == "a.example:443"
    assert first["sha256"] == hashlib.sha256(DATA).hexdigest()
    assert "lattice" not in first
    assert second["lattice"] == json.loads(DATA)
    assert stat.S_IMODE((folder / NAME).stat().st_mode) == 0o600
    assert stat.S_IMODE(folder.stat().st_mode) == 0o700


def test_chain_continues_after_a_restart_and_with_any_clock(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    filled(folder, 2)

    class Clock(record_module.datetime):
        @classmethod
        def now(cls, zone=None):
            return cls(1970, 1, 1, tzinfo=zone)

    monkeypatch.setattr(record_module, "datetime", Clock)
    filled(folder, 2)
    told = AuditLog(folder).read()
    assert told.fault == ""
    assert [json.loads(line)["number"] for line in told.lines] == [1, 2, 3, 4]
    assert json.loads(told.lines[-1])["time"].startswith("1970-01-01")


@pytest.mark.parametrize(
    ("change", "fault"),
    [
        (lambda lines: [lines[0].replace(b"a.example", b"b.example"), *lines[1:]], "line 1 was"),
        (lambda lines: [lines[0], *lines[2:]], "line 2 has number 3, where 2 must follow"),
        (lambda lines: [lines[1], lines[0], *lines[2:]], "line 2 has number 1, where 3 must"),
        (lambda lines: [*lines[:2], b"x\n", *lines[2:]], "line 3 is damaged"),
        (lambda lines: [*lines, lines[-1]], "line 5 has number 4, where 5 must follow"),
        (lambda lines: [lines[0].replace(b"000", b"111"), *lines[1:]], "line 1 was changed"),
        (lambda lines: [b"[" * 100_000 + b"\n", *lines], "line 1 is damaged"),
        (lambda lines: [*lines, b'{"number": 1e400, "previous": ""}\n'], "line 5 is damaged"),
        (lambda lines: [*lines, b'{"number": ' + b"9" * 5000 + b"}\n"], "line 5 is damaged"),
    ],
)
def test_any_change_is_detected(folder: Path, change, fault: str) -> None:
    filled(folder)
    file = folder / NAME
    file.write_bytes(b"".join(change(file.read_bytes().splitlines(True))))
    assert AuditLog(folder).read().fault.startswith(fault)


def test_running_daemon_detects_truncation(folder: Path) -> None:
    record = filled(folder)
    file = folder / NAME
    file.write_bytes(b"".join(file.read_bytes().splitlines(True)[:2]))
    assert record.read().fault == "lines after number 2 were removed"


def test_partial_line_is_reported_and_the_next_line_is_separate(
    folder: Path,
) -> None:
    filled(folder, 2)
    file = folder / NAME
    file.write_bytes(file.read_bytes()[:-20])
    filled(folder, 1)
    told = AuditLog(folder).read()
    assert told.fault == "line 2 is damaged"
    assert json.loads(told.lines[2])["number"] == 2


def test_chain_holds_after_the_oldest_file_is_deleted(folder: Path) -> None:
    record = AuditLog(folder, most_bytes=600)
    for _ in range(20):
        record.add("a.example", DATA, keep=False)
    told = record.read()
    assert told.fault == ""
    assert len(list(folder.iterdir())) == MOST_FILES
    numbers = [json.loads(line)["number"] for line in told.lines]
    assert numbers == list(range(21 - len(numbers), 21))
    assert len(numbers) < 20


def test_log_starts_anew_after_erasing(folder: Path) -> None:
    record = filled(folder)
    record.erase()
    assert list(folder.iterdir()) == []
    assert record.read() == record_module.AuditLogContents(())
    record.add("a.example", DATA, keep=False)
    assert json.loads(record.read().lines[0])["number"] == 1


def test_full_disk_is_an_error_and_leaves_no_partial_line(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    record = filled(folder, 1)

    def full(descriptor: int) -> None:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    with monkeypatch.context() as patch:
        patch.setattr(os, "fsync", full)
        with pytest.raises(StorageError, match="so the lattice is not sent; free disk space"):
            record.add("a.example", DATA, keep=False)
    assert len(record.read().lines) == 1
    record.add("a.example", DATA, keep=False)
    assert record.read().fault == ""
    assert len(record.read().lines) == 2
