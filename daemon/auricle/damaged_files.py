"""Sets damaged files of the daemon aside, so that it starts without them and nothing is lost.

In: a file that cannot be read. Out: the same file under the name NAME.damaged; the last ones before
it are NAME.damaged.1 and NAME.damaged.2, and older ones are deleted. `auricle doctor` lists them.
"""

from __future__ import annotations

import contextlib
import os
import re
from itertools import pairwise
from pathlib import Path

KEPT = 3  # damaged files per name
_DAMAGED = re.compile(r".+\.damaged(\.\d)?")


def set_aside(file: Path) -> Path:
    """Rename a damaged file; return its new path. Raises OSError."""
    aside = make_room(file)
    file.replace(aside)
    return aside


def make_room(file: Path) -> Path:
    """Return the path for a damaged file, after renaming earlier ones. Raises OSError."""
    places = [file.with_name(f"{file.name}.damaged")]
    places += [file.with_name(f"{file.name}.damaged.{number}") for number in range(1, KEPT)]
    for older, newer in pairwise(reversed(places)):
        with contextlib.suppress(FileNotFoundError):
            newer.replace(older)
    return places[0]


def find_damaged(folder: Path) -> list[Path]:
    """Return the files below a folder that were set aside, by name. Raises OSError."""
    found: list[Path] = []
    with os.scandir(folder) as entries:
        for entry in entries:
            if entry.is_dir(follow_symlinks=False):
                found += find_damaged(Path(entry.path))
            elif _DAMAGED.fullmatch(entry.name):
                found.append(Path(entry.path))
    return sorted(found)
