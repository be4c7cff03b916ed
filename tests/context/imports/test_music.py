"""Names from real music files with real tags."""

from __future__ import annotations

import sys
from pathlib import Path

import mutagen
import numpy as np
import pytest
import soundfile

from auricle.context.entries import Entry
from auricle.context.imports.imported import Imported
from auricle.context.imports.music import read_music
from auricle.errors import ImportedFileError


def record(file: Path, **tags: str | list[str]) -> None:
    """Write a moment of silence with these tags."""
    file.parent.mkdir(parents=True, exist_ok=True)
    soundfile.write(file, np.zeros(4800, np.float32), 48000)
    music = mutagen.File(file, easy=True)
    if music.tags is None:
        music.add_tags()
    for key, value in tags.items():
        music[key] = value
    music.save()


def names_in(folder: Path) -> Imported:
    imported = Imported("media", "music")
    read_music(folder, imported)
    return imported


def test_artists_albums_and_titles_are_read_from_any_format_each_once(tmp_path: Path) -> None:
    album = {"artist": "Sigur Rós", "album": "( )"}
    record(tmp_path / "a" / "1.mp3", **album, title="Untitled")
    record(tmp_path / "a" / "2.flac", **album, title="Starálfur (Remastered 2011)")
    record(tmp_path / "b" / "3.ogg", artist=["Ann", "Bob"], albumartist="Ann", title="1975")
    record(tmp_path / "b" / "4.OGG")
    (tmp_path / "b" / "cover.jpg").write_bytes(b"a picture")
    imported = names_in(tmp_path)
    assert imported.left_out == 0
    assert imported.entries == (
        Entry("media", "Sigur Rós"),
        Entry("media", "Ann"),
        Entry("media", "Bob"),
        Entry("media", "( )"),
        Entry("media", "Untitled"),
        Entry("media", "Starálfur (Remastered 2011)", ("Starálfur",)),
        Entry("media", "1975"),
    )


def test_a_file_that_is_no_music_is_left_out(tmp_path: Path) -> None:
    record(tmp_path / "1.flac", title="Here")
    (tmp_path / "2.flac").write_bytes(b"broken")
    (tmp_path / "3.mp3").write_bytes(b"")
    (tmp_path / "4.ogg").symlink_to("nowhere")
    imported = names_in(tmp_path)
    assert (imported.entries, imported.left_out) == ((Entry("media", "Here"),), 3)


def test_a_folder_without_music_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ImportedFileError, match=r"contains no music \(.mp3, .flac"):
        names_in(tmp_path)


def test_without_mutagen_it_is_told_how_to_install_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "mutagen", None)
    with pytest.raises(ImportedFileError, match="apt install python3-mutagen"):
        names_in(tmp_path)
