"""Files in parts come back whole or not at all."""

from __future__ import annotations

from pathlib import Path

import pytest

from auricle.errors import ModelError, StorageError
from auricle_train.packed import parts


def make(folder: Path, content: bytes) -> Path:
    path = folder / "a.pt"
    path.write_bytes(content)
    return path


@pytest.mark.parametrize("size", [0, 1, 9, 10, 11, 30])
def test_parts_make_the_file_again(tmp_path: Path, size: int) -> None:
    content = bytes(range(size))
    found = parts.split(make(tmp_path, content), tmp_path / "parts", most=10)
    assert [path.stat().st_size for path in found] == [10] * (size // 10) + [size % 10] * (
        size % 10 > 0
    )
    parts.join(tmp_path / "parts", "a.pt", tmp_path / "again.pt")
    assert (tmp_path / "again.pt").read_bytes() == content


def test_a_newer_file_takes_the_place_of_the_older_one(tmp_path: Path) -> None:
    parts.split(make(tmp_path, b"0" * 35), tmp_path / "parts", most=10)
    parts.split(make(tmp_path, b"1" * 15), tmp_path / "parts", most=10)
    assert len(list((tmp_path / "parts").iterdir())) == 3
    parts.join(tmp_path / "parts", "a.pt", tmp_path / "again.pt")
    assert (tmp_path / "again.pt").read_bytes() == b"1" * 15


def test_a_write_that_fails_leaves_the_older_parts_whole(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    parts.split(make(tmp_path, b"0" * 35), tmp_path / "parts", most=10)

    def full(*_: object) -> None:
        raise OSError(28, "No space left on device")

    with monkeypatch.context() as patch:
        patch.setattr(parts.os, "replace", full)
        with pytest.raises(StorageError, match="No space left"):
            parts.split(make(tmp_path, b"1" * 15), tmp_path / "parts", most=10)
    parts.join(tmp_path / "parts", "a.pt", tmp_path / "again.pt")
    assert (tmp_path / "again.pt").read_bytes() == b"0" * 35


def test_missing_and_damaged_parts_are_told(tmp_path: Path) -> None:
    first, second = parts.split(make(tmp_path, b"0" * 15), tmp_path / "parts", most=10)
    again = tmp_path / "again.pt"
    second.write_bytes(b"1" * 5)
    with pytest.raises(ModelError, match=f"{second.name}: damaged, sha256 .*: copy it again"):
        parts.join(tmp_path / "parts", "a.pt", again)
    first.unlink()
    with pytest.raises(ModelError, match=r"missing: copy all parts of a\.pt"):
        parts.join(tmp_path / "parts", "a.pt", again)
    with pytest.raises(ModelError, match="missing: copy all parts"):
        parts.join(tmp_path, "a.pt", again)
    parts.index_of(tmp_path / "parts", "a.pt").write_text("[]")
    with pytest.raises(ModelError, match="not a list of parts"):
        parts.join(tmp_path / "parts", "a.pt", again)
    assert not again.exists()
