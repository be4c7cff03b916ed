"""What doctor says about stored files."""

from __future__ import annotations

from pathlib import Path

import pytest

from auricle.diagnosis import state
from auricle.diagnosis.finding import Finding, FindingStatus
from auricle.diagnosis.state import examine_state
from auricle.ducking.saved_volumes import SavedVolumes
from auricle.errors import StorageError
from auricle.privacy.audit_log import AuditLog


def only(folder: Path) -> Finding:
    (found,) = examine_state("session", folder)
    return found


def test_an_undamaged_folder_is_ok(tmp_path: Path) -> None:
    (tmp_path / "context").mkdir()
    AuditLog(tmp_path / "privacy" / "record").add("a.example", b"{}", keep=False)
    assert only(tmp_path).status is FindingStatus.OK
    assert only(tmp_path / "missing").found == f"nothing is stored in {tmp_path / 'missing'} yet"


def test_a_file_that_was_set_aside_is_a_warning_with_a_remedy(tmp_path: Path) -> None:
    file = tmp_path / "music" / "ducked.json"
    file.parent.mkdir()
    file.write_text("[" * 3000)
    with pytest.raises(StorageError):
        SavedVolumes(file).read()
    found = only(tmp_path)
    assert found.status is FindingStatus.WARNING
    assert f"is now {file}.damaged; Auricle started without it" in found.found
    assert "delete it" in found.remedy


def test_a_changed_log_is_a_warning(tmp_path: Path) -> None:
    log = AuditLog(tmp_path / "privacy" / "record")
    for _ in range(2):
        log.add("a.example", b"{}", keep=False)
    path = tmp_path / "privacy" / "record" / "record.jsonl"
    path.write_bytes(path.read_bytes().replace(b"a.example", b"b.example", 1))
    found = next(iter(examine_state("session", tmp_path)))
    assert found.status is FindingStatus.WARNING
    assert "line 1 was changed" in found.found


def test_the_remedy_of_a_folder_that_cannot_be_read_is_sudo(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(_: Path) -> list[Path]:
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr(state, "find_damaged", refuse)
    found = only(tmp_path)
    assert (found.status, found.remedy) == (FindingStatus.OK, "`sudo auricle doctor` checks it")


def test_the_system_service_has_its_own_folder() -> None:
    (found, *_) = examine_state("system")
    assert "/var/lib/auricle" in found.found
