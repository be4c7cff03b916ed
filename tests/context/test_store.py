"""Kept names on disk: whole or not at all, and readable by the daemon alone."""

from __future__ import annotations

import os
import stat
from pathlib import Path

import pytest

from auricle.context.book import Shelf, Source
from auricle.context.entries import Entry
from auricle.context.store import Store, source_of
from auricle.errors import StorageError

SOURCE = Source(1000, "org.gnome.Contacts")
SHELF = (
    Shelf()
    .with_only(
        "contacts", [Entry("contacts", "Zoë 💡", ("zoo e",), 2.5, "1"), Entry("contacts", "B")]
    )
    .with_only("media", [Entry("media", "1975")])
)
OTHER = Shelf().with_only("media", [Entry("media", "Abbey Road")])


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return tmp_path / "state" / "context"


def test_what_is_kept_is_read_again(folder: Path) -> None:
    assert Store(folder).load() == ({}, [])
    Store(folder).save(SOURCE, SHELF)
    Store(folder).save(Source(1001, SOURCE.name), OTHER)
    kept, damaged = Store(folder).load()
    assert (kept, damaged) == ({SOURCE: SHELF, Source(1001, SOURCE.name): OTHER}, [])
    assert list(kept[SOURCE].kinds["contacts"]) == list(SHELF.kinds["contacts"])  # the order too


def test_only_the_daemon_may_read_it(folder: Path) -> None:
    before = os.umask(0)
    try:
        Store(folder).save(SOURCE, SHELF)
    finally:
        os.umask(before)
    (file,) = folder.iterdir()
    assert file.name == "1000-org.gnome.Contacts.json"
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    assert stat.S_IMODE(folder.stat().st_mode) == 0o700


def test_nothing_left_is_no_file(folder: Path) -> None:
    store = Store(folder)
    store.save(SOURCE, Shelf())
    store.save(SOURCE, SHELF)
    store.save(SOURCE, Shelf())
    assert list(folder.iterdir()) == []


@pytest.mark.parametrize("step", ["write", "fsync", "replace"])
def test_a_full_disk_is_told_and_leaves_what_was_kept(
    folder: Path, monkeypatch: pytest.MonkeyPatch, step: str
) -> None:
    store = Store(folder)
    store.save(SOURCE, SHELF)

    def full(*_: object) -> None:
        raise OSError(28, "No space left on device")

    open_file = os.open
    match step:
        case "write":
            monkeypatch.setattr(os, "open", lambda *_: open_file("/dev/full", os.O_WRONLY))
        case "fsync":
            monkeypatch.setattr(os, "fsync", full)
        case _:
            monkeypatch.setattr(Path, "replace", full)
    with pytest.raises(StorageError, match="No space left on device.*make room on the disk"):
        store.save(SOURCE, OTHER)
    monkeypatch.undo()
    assert store.load() == ({SOURCE: SHELF}, [])
    assert len(list(folder.iterdir())) == 1


def test_a_power_cut_in_the_middle_leaves_the_old_or_the_new(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    store = Store(folder)
    store.save(SOURCE, SHELF)
    synced: list[str] = []
    fsync, replace = os.fsync, Path.replace

    def note_sync(descriptor: int) -> None:
        synced.append(os.readlink(f"/proc/self/fd/{descriptor}"))
        fsync(descriptor)

    def note_replace(path: Path, target: Path) -> Path:
        synced.append("replace")
        assert store.load()[0] == {SOURCE: SHELF}
        return replace(path, target)

    monkeypatch.setattr(os, "fsync", note_sync)
    monkeypatch.setattr(Path, "replace", note_replace)
    store.save(SOURCE, OTHER)
    new = str(folder / ".1000-org.gnome.Contacts.json.new")
    assert synced == [new, "replace", str(folder)]


def test_what_a_power_cut_left_half_written_is_no_hindrance(folder: Path) -> None:
    store = Store(folder)
    store.save(SOURCE, SHELF)
    (folder / ".1000-org.gnome.Contacts.json.new").write_text('{"form')
    assert store.load() == ({SOURCE: SHELF}, [])
    store.save(SOURCE, OTHER)
    assert store.load() == ({SOURCE: OTHER}, [])
    assert len(list(folder.iterdir())) == 1


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b'{"format": 1, "kinds": {"contacts": [["Ann", [], 1.0',
        b"\xff\xfe",
        b"[" * 100_000,
        b"[]",
        b'{"format": 2, "kinds": {}}',
        b'{"format": 1, "kinds": []}',
        b'{"format": 1, "kinds": {"contacts": 5}}',
        b'{"format": 1, "kinds": {"contacts": [[1, [], 1.0, ""]]}}',
        b'{"format": 1, "kinds": {"contacts": [["A\\n", [], 1.0, ""]]}}',
        b'{"format": 1, "kinds": {"contacts": [["A", [], "1", ""]]}}',
        b'{"format": 1, "kinds": {"../x": [["A", [], 1.0, ""]]}}',
    ],
)
def test_a_damaged_file_is_set_aside_once_and_the_others_are_read(
    folder: Path, content: bytes
) -> None:
    store = Store(folder)
    store.save(Source(1000, "other"), OTHER)
    file = folder / "1000-org.gnome.Contacts.json"
    file.write_bytes(content)
    kept, (damage,) = store.load()
    assert kept == {Source(1000, "other"): OTHER}
    assert damage.told == (
        f"{file} is damaged and is now {file.name}.damaged; let the client give its names again"
    )
    assert store.load() == (kept, [])
    assert (folder / f"{file.name}.damaged").read_bytes() == content


def test_a_file_that_cannot_be_read_is_told_and_stays(folder: Path) -> None:
    file = folder / "1000-a.json"
    file.mkdir(parents=True)  # which reads as an error, also for root
    kept, (damage,) = Store(folder).load()
    assert (kept, damage.told) == (
        {},
        f"{file} cannot be read (Is a directory); mend its permissions",
    )
    assert file.exists()


def test_other_files_are_left_alone(folder: Path) -> None:
    folder.mkdir(parents=True)
    for name in ("README", "a.json", "1000-.json", "1000-a.json.damaged", "-1-a.json"):
        (folder / name).write_text("not ours")
    assert Store(folder).load() == ({}, [])
    assert len(list(folder.iterdir())) == 5


def test_a_folder_that_cannot_be_read_is_told(tmp_path: Path) -> None:
    (tmp_path / "context").write_text("in the way")
    with pytest.raises(StorageError, match="context cannot be read"):
        Store(tmp_path / "context").load()


def test_a_source_names_no_other_file() -> None:
    assert source_of(1000, "org.gnome.Contacts") == SOURCE
