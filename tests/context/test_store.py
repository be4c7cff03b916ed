"""Kept names on disk: whole or not at all, and readable by the daemon alone."""

from __future__ import annotations

import os
import stat
from collections.abc import Callable
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from auricle.context import store as store_module
from auricle.context.entries import Entry
from auricle.context.entry_sets import EntrySet, Source
from auricle.context.store import Store, source_of
from auricle.errors import StorageError

SOURCE = Source(1000, "org.gnome.Contacts")
FILE = "1000-org.gnome.Contacts.json"
ENTRY_SET = (
    EntrySet()
    .with_only(
        "contacts", [Entry("contacts", "Zoë 💡", ("zoo e",), 2.5, "1"), Entry("contacts", "B")]
    )
    .with_only("media", [Entry("media", "1975")])
)
OTHER = EntrySet().with_only("media", [Entry("media", "Abbey Road")])


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return tmp_path / "state" / "context"


def test_what_is_kept_is_read_again(folder: Path) -> None:
    assert Store(folder).load() == ({}, [])
    Store(folder).save(SOURCE, ENTRY_SET)
    Store(folder).save(Source(1001, SOURCE.name), OTHER)
    kept, damaged = Store(folder).load()
    assert (kept, damaged) == ({SOURCE: ENTRY_SET, Source(1001, SOURCE.name): OTHER}, [])
    assert list(kept[SOURCE].kinds["contacts"]) == list(
        ENTRY_SET.kinds["contacts"]
    )  # the order too


def test_only_the_daemon_may_read_it(folder: Path) -> None:
    before = os.umask(0)
    try:
        Store(folder).save(SOURCE, ENTRY_SET)
    finally:
        os.umask(before)
    (file,) = folder.iterdir()
    assert file.name == "1000-org.gnome.Contacts.json"
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    assert stat.S_IMODE(folder.stat().st_mode) == 0o700


def test_nothing_left_is_no_file(folder: Path) -> None:
    store = Store(folder)
    store.save(SOURCE, EntrySet())
    store.save(SOURCE, ENTRY_SET)
    store.save(SOURCE, EntrySet())
    assert list(folder.iterdir()) == []


@pytest.mark.parametrize("step", ["write", "fsync", "replace"])
def test_a_full_disk_is_told_and_leaves_what_was_kept(
    folder: Path, monkeypatch: pytest.MonkeyPatch, step: str
) -> None:
    Store(folder).save(SOURCE, ENTRY_SET)
    store = Store(folder)  # which does not know the file, and replaces it

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
    assert store.load() == ({SOURCE: ENTRY_SET}, [])
    assert len(list(folder.iterdir())) == 1


def test_a_power_cut_in_the_middle_leaves_the_old_or_the_new(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    Store(folder).save(SOURCE, ENTRY_SET)
    store = Store(folder)
    synced: list[str] = []
    fsync, replace = os.fsync, Path.replace

    def note_sync(descriptor: int) -> None:
        synced.append(os.readlink(f"/proc/self/fd/{descriptor}"))
        fsync(descriptor)

    def note_replace(path: Path, target: Path) -> Path:
        synced.append("replace")
        assert Store(folder).load()[0] == {SOURCE: ENTRY_SET}
        return replace(path, target)

    monkeypatch.setattr(os, "fsync", note_sync)
    monkeypatch.setattr(Path, "replace", note_replace)
    store.save(SOURCE, OTHER)
    new = str(folder / ".1000-org.gnome.Contacts.json.new")
    assert synced == [new, "replace", str(folder)]


def test_what_a_power_cut_left_half_written_is_no_hindrance(folder: Path) -> None:
    store = Store(folder)
    store.save(SOURCE, ENTRY_SET)
    (folder / ".1000-org.gnome.Contacts.json.new").write_text('{"form')
    assert store.load() == ({SOURCE: ENTRY_SET}, [])
    store.save(SOURCE, OTHER)  # something is gone: the file is replaced
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
        b'{"format":2,"kinds":{},"sum":"00000000"}\n',
        b'{"format": 3, "kinds": {}}',
        b'{"format": 1, "kinds": []}',
        b'{"format": 1, "kinds": {"contacts": 5}}',
        b'{"format": 1, "kinds": {"contacts": [[1, [], 1.0, ""]]}}',
        b'{"format": 1, "kinds": {"contacts": [["A\\n", [], 1.0, ""]]}}',
        b'{"format": 1, "kinds": {"contacts": [["A", [], "1", ""]]}}',
        b'{"format": 1, "kinds": {"contacts": [["A", [], ' + b"9" * 400 + b', ""]]}}',
        b'{"format": 1, "kinds": {"contacts": [["A", [], 1e400, ""]]}}',
        b'{"format": 1, "kinds": {"contacts": [["A", [], NaN, ""]]}}',
        b'{"format": 1, "kinds": {"contacts": [["A\\u0000", [], 1.0, ""]]}}',
        b'{"format": 1, "kinds": {"contacts": [["A\\ud800", [], 1.0, ""]]}}',
        b'{"format": ' + b"9" * 5000 + b', "kinds": {}}',
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
        f"{file} is damaged and was renamed to {file.name}.damaged; "
        "let the client send its names again"
    )
    assert store.load() == (kept, [])
    assert (folder / f"{file.name}.damaged").read_bytes() == content


def test_what_is_added_is_appended(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    store = Store(folder)
    many = EntrySet().with_only("contacts", [Entry("contacts", f"name {n}") for n in range(1000)])
    store.save(SOURCE, many)
    (file,) = folder.iterdir()
    before, written = file.read_bytes(), 0
    monkeypatch.setattr(store_module, "replace_file", None)  # calling it would raise
    entry_sets = [many.with_more("media", [Entry("media", "1975")])]
    entry_sets.append(
        entry_sets[-1].with_more("contacts", [Entry("contacts", "name 8", ("ate",), 2.0)])
    )
    for entry_set in entry_sets:
        store.save(SOURCE, entry_set)
        after = file.read_bytes()
        assert after.startswith(before)
        written += len(after) - len(before)
        before = after
        kept, damaged = Store(folder).load()
        assert (kept, damaged) == ({SOURCE: entry_set}, [])
        assert [*kept[SOURCE].kinds["contacts"]] == [*entry_set.kinds["contacts"]]
    assert written < 300


def test_a_file_of_many_additions_is_made_small_again(folder: Path) -> None:
    store, entry_set = Store(folder), OTHER
    sizes = []
    for number in range(700):
        entry_set = entry_set.with_more("media", [Entry("media", "x" * 150, weight=number / 100)])
        store.save(SOURCE, entry_set)
        sizes.append((folder / FILE).stat().st_size)
    assert 64_000 < max(sizes) < 66_000
    assert min(sizes[100:]) < 1000
    assert Store(folder).load() == ({SOURCE: entry_set}, [])


def test_what_is_removed_is_gone_from_the_disk(folder: Path) -> None:
    store = Store(folder)
    store.save(SOURCE, ENTRY_SET)
    store.save(SOURCE, ENTRY_SET.with_more("media", [Entry("media", "Abbey Road")]))
    store.save(SOURCE, ENTRY_SET)
    assert b"Abbey" not in (folder / FILE).read_bytes()


def test_another_order_is_kept_too(folder: Path) -> None:
    store = Store(folder)
    entries = [Entry("media", name) for name in "abc"]
    store.save(SOURCE, EntrySet().with_only("media", entries))
    turned = EntrySet().with_only("media", entries[::-1])
    store.save(SOURCE, turned)
    assert [*Store(folder).load()[0][SOURCE].kinds["media"]] == [*turned.kinds["media"]]


def test_a_file_of_before_is_read_and_replaced_at_the_first_change(folder: Path) -> None:
    folder.mkdir(parents=True)
    (folder / FILE).write_text('{"format": 1, "kinds": {"media": [["Abbey Road", [], 1.0, ""]]}}')
    store = Store(folder)
    assert store.load() == ({SOURCE: OTHER}, [])
    more = OTHER.with_more("media", [Entry("media", "1975")])
    store.save(SOURCE, more)
    assert Store(folder).load() == ({SOURCE: more}, [])


def test_a_full_disk_at_an_appended_change_leaves_what_was_kept(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    store = Store(folder)
    store.save(SOURCE, ENTRY_SET)
    before, more = (folder / FILE).read_bytes(), ENTRY_SET.with_more("a", [Entry("a", "b")])

    def full(_: int) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(StorageError, match="No space left on device"):
        store.save(SOURCE, more)
    monkeypatch.undo()
    assert (folder / FILE).read_bytes() == before
    store.save(SOURCE, more)
    assert Store(folder).load() == ({SOURCE: more}, [])


NAMES = st.sampled_from(["Ann", "Zoë 💡", 'Bo"b', "a b"])
NUMBERS = st.sampled_from(["", "1"])
MEDIA = st.lists(st.builds(Entry, st.just("media"), NAMES, id=NUMBERS))
CONTACTS = st.lists(st.builds(Entry, st.just("contacts"), NAMES, id=NUMBERS))
CHANGES = st.one_of(
    st.builds(lambda more: lambda entry_set: entry_set.with_more("media", more), MEDIA),
    st.builds(lambda only: lambda entry_set: entry_set.with_only("contacts", only), CONTACTS),
    st.builds(lambda gone: lambda entry_set: entry_set.without("media", [gone]), NAMES),
)


@settings(max_examples=25, deadline=None)
@given(changes=st.lists(CHANGES, min_size=1, max_size=6), draw=st.data())
def test_a_power_cut_at_any_byte_loses_nothing_that_was_kept(
    tmp_path_factory: pytest.TempPathFactory,
    changes: list[Callable[[EntrySet], EntrySet]],
    draw: st.DataObject,
) -> None:
    folder = tmp_path_factory.mktemp("context")
    store, entry_set, file = Store(folder), OTHER, folder / FILE
    store.save(SOURCE, entry_set)
    saved = [(file.stat().st_size, entry_set)]
    for change in changes:
        after = change(entry_set)
        if after != entry_set and after.kinds:
            entry_set = after
            before = file.read_bytes()
            store.save(SOURCE, entry_set)
            if not file.read_bytes().startswith(before):  # replaced, which is whole or not at all
                saved = []
            saved.append((file.stat().st_size, entry_set))
    data = file.read_bytes()
    cut = draw.draw(st.integers(saved[0][0], len(data)))
    rest = draw.draw(st.sampled_from([b"", bytes(len(data) - cut), b"\n", b"\xff" * 9 + b"\n"]))
    left = data[:cut] + (rest if cut < len(data) else b"")  # a line break may complete a line
    file.write_bytes(left)
    known = max(number for number, (size, _) in enumerate(saved) if left.startswith(data[:size]))
    kept, damaged = Store(folder).load()
    assert kept == {SOURCE: saved[known][1]}
    whole = saved[known][0] == len(left)
    assert [damage.file for damage in damaged] == ([] if whole else [file])
    again = Store(folder)  # what is appended now is read again
    assert again.load() == (kept, [])
    again.save(SOURCE, kept[SOURCE].with_more("media", [Entry("media", "the last")]))
    assert "the last" in str([*Store(folder).load()[0][SOURCE].kinds["media"]])


def test_a_file_that_cannot_be_read_is_told_and_stays(folder: Path) -> None:
    file = folder / "1000-a.json"
    file.mkdir(parents=True)  # which reads as an error, also for root
    kept, (damage,) = Store(folder).load()
    assert (kept, damage.told) == (
        {},
        f"{file} cannot be read (Is a directory); fix its permissions",
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
