"""Artists, albums and titles from the tags of a music folder, read by mutagen.

In: a folder. Out: one entry a name, artists first: who has too many names keeps those most said.
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
# `(Remastered 2011)`, `[Live]`: what stands in a title and nobody says.
REMARK = re.compile(r"\s*[(\[][^()\[\]]*[)\]]\s*$")


def read_music(folder: Path, into: Imported) -> None:
    """Add the names in a folder and all below it; a file that cannot be read is left out.

    Raises:
        ImportedFileError: there is no music, or mutagen is not installed.
    """
    try:
        import mutagen  # noqa: PLC0415 - only who imports music needs it
    except ModuleNotFoundError as error:
        raise ImportedFileError(
            "the tags of music are read by mutagen, which is not installed; install it: "
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
            f"{folder}: holds no music ({', '.join(SUFFIXES)}); name a folder that does"
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
    """Yield the values of a tag that say something."""
    try:
        values = music.get(key) or ()
    except (KeyError, ValueError):  # a tag that this kind of file cannot have
        return
    for value in [values] if isinstance(values, str) else values:
        if text := str(value).strip():
            yield text
