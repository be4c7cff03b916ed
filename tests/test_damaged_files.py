"""Damaged files are set aside, and only the newest few of them are kept."""

from __future__ import annotations

from pathlib import Path

from auricle.damaged_files import KEPT, find_damaged, set_aside


def test_the_newest_few_are_kept(tmp_path: Path) -> None:
    file = tmp_path / "music" / "ducked.json"
    file.parent.mkdir()
    for number in range(5):
        file.write_text(str(number))
        assert set_aside(file) == tmp_path / "music" / "ducked.json.damaged"
        assert not file.exists()
    found = find_damaged(tmp_path)
    assert [path.name for path in found] == [
        "ducked.json.damaged",
        "ducked.json.damaged.1",
        "ducked.json.damaged.2",
    ]
    assert [path.read_text() for path in found] == ["4", "3", "2"]
    assert len(found) == KEPT


def test_other_files_and_links_are_left_out(tmp_path: Path) -> None:
    for name in ("damaged", "a.damaged.txt", "a.json", ".damaged"):
        (tmp_path / name).touch()
    (tmp_path / "loop").symlink_to(tmp_path)
    assert find_damaged(tmp_path) == []
