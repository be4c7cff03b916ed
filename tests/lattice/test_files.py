"""Lattice files: names, formats, and a full disk."""

from __future__ import annotations

import resource
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from auricle.errors import StorageError
from auricle.lattice.files import make_folder, name_each, write_lattice
from auricle.lattice.formats import from_json, to_dot, to_openfst, to_slf
from auricle.lattice.lattice import Arc, Lattice

LATTICE = Lattice(
    3, (Arc(0, 1, "turn", -0.5, 0.0, 0.1, 0.3), Arc(1, 2, "on", -0.25, 0.0, 0.3, 0.5))
)
ENDINGS = (".dot", ".fst.txt", ".json", ".slf", ".syms.txt")


@contextmanager
def full_disk(least_bytes: int) -> Iterator[None]:
    """Limit the size of files to a few bytes."""
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (least_bytes, hard))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))


def test_a_lattice_is_written_in_every_format(tmp_path: Path) -> None:
    write_lattice(tmp_path, "one", LATTICE)
    assert sorted(path.name for path in tmp_path.iterdir()) == [f"one{end}" for end in ENDINGS]
    texts = {end: (tmp_path / f"one{end}").read_text(encoding="utf-8") for end in ENDINGS}
    assert from_json(texts[".json"]) == LATTICE
    assert texts[".slf"] == to_slf(LATTICE, "one")
    assert texts[".dot"] == to_dot(LATTICE)
    openfst = to_openfst(LATTICE)
    assert (texts[".fst.txt"], texts[".syms.txt"]) == (openfst.acceptor, openfst.symbols)


def test_files_are_readable_only_by_their_owner(tmp_path: Path) -> None:
    write_lattice(tmp_path, "one", LATTICE)
    assert {path.stat().st_mode & 0o777 for path in tmp_path.iterdir()} == {0o600}


def test_recordings_of_the_same_name_are_numbered() -> None:
    names = ["a/go.wav", "b/go.wav", "go.flac", "b/GO.ogg", "go-2.wav", "stop.wav"]
    found = name_each([Path(name) for name in names])
    assert found == ["go", "go-2", "go-3", "GO-4", "go-2-2", "stop"]


def test_a_name_with_white_space_or_invalid_utf8_is_written(tmp_path: Path) -> None:
    name = "turn on \udcff"
    write_lattice(tmp_path, name, LATTICE)
    slf = (tmp_path / f"{name}.slf").read_text(encoding="utf-8")
    assert "UTTERANCE=turn_on_\\udcff\n" in slf


def test_a_full_disk_leaves_the_old_file_and_nothing_else(tmp_path: Path) -> None:
    old = tmp_path / "one.json"
    old.write_text("old", encoding="utf-8")
    with full_disk(20), pytest.raises(StorageError, match=r"one\.json: cannot be written"):
        write_lattice(tmp_path, "one", LATTICE)
    assert [(path.name, path.read_text(encoding="utf-8")) for path in tmp_path.iterdir()] == [
        ("one.json", "old")
    ]


def test_a_folder_that_is_a_file_is_refused(tmp_path: Path) -> None:
    file = tmp_path / "file"
    file.touch()
    for folder in (file, file / "below"):
        with pytest.raises(StorageError, match="cannot create the folder for lattices"):
            make_folder(folder)
