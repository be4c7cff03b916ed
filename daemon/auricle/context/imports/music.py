"""Imports artists, albums and titles from the tags of a music folder, with mutagen.

In: a folder. Out: one entry per name. Artists come first, because they are said most often and the
number of entries is limited.
"""

from __future__ import annotations

import os
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from auricle.context.imports.imported import Imported
from auricle.errors import ImportedFileError

SUFFIXES = (".mp3", ".flac", ".ogg", ".oga", ".opus", ".m4a", ".m4b", ".mp4", ".ape", ".mpc", ".wv")
TAGS = (("artist", "albumartist"), ("album",), ("title",))  # in the order of the entries
# `(Remastered 2011)`, `[Live]`: a remark in a title that nobody says.
REMARK = re.compile(r"\s*[(\[][^()\[\]]*[)\]]\s*$")


def read_music(folder: Path, into: Imported) -> None:
    """Add the names in a folder and its subfolders; count unreadable files as left out.

    Raises:
        ImportedFileError: the folder contains no music, or mutagen is not installed.
    """
    try:
        import mutagen  # noqa: PLC0415 - an optional dependency
    except ModuleNotFoundError as error:
        raise ImportedFileError(
            "reading the tags of music needs mutagen, which is not installed; install it: "
            "`apt install python3-mutagen`, or `pip install 'auricle[music]'`"
        ) from error
    found: list[list[str]] = [[] for _ in TAGS]
    files = 0
    for file in _music_files(folder):
        files += 1
        try:
            music = mutagen.File(file, easy=True)
        except (mutagen.MutagenError, OSError):
            music = None
        if music is None:
            into.left_out += 1
            continue
        for names, keys in zip(found, TAGS, strict=True):
            names.extend(name for key in keys for name in _values(music, key))
    if not files:
        raise ImportedFileError(
            f"{folder}: contains no music ({', '.join(SUFFIXES)}); name a folder with music"
        )
    for name in (name for names in found for name in names):
        into.add(name, [REMARK.sub("", name)])


def _music_files(folder: Path) -> Iterator[Path]:
    for parent, folders, names in os.walk(folder):
        folders.sort()
        for name in sorted(names):
            if name.lower().endswith(SUFFIXES):
                yield Path(parent, name)


def _values(music: Any, key: str) -> Iterator[str]:
    """Yield the non-empty values of a tag."""
    try:
        values = music.get(key) or ()
    except (KeyError, ValueError):  # this file format does not support the tag
        return
    for value in [values] if isinstance(values, str) else values:
        if text := str(value).strip():
            yield text
