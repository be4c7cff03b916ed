"""Writes lattices to files, in every format of `lattice.formats`.

In: a lattice and a name. Out: NAME.json, NAME.slf, NAME.fst.txt, NAME.syms.txt and NAME.dot in one
folder. Each file is written atomically.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from auricle.atomic_file import replace_file
from auricle.errors import StorageError
from auricle.lattice.formats import to_dot, to_json, to_openfst, to_slf
from auricle.lattice.lattice import Lattice


def name_each(recordings: Sequence[Path]) -> list[str]:
    """Return a distinct name for each recording: its stem, with a number if already taken."""
    names: list[str] = []
    taken: set[str] = set()
    for recording in recordings:
        name, number = recording.stem, 1
        while name.casefold() in taken:  # some file systems ignore case
            number += 1
            name = f"{recording.stem}-{number}"
        taken.add(name.casefold())
        names.append(name)
    return names


def make_folder(folder: Path) -> None:
    """Create a folder for lattices unless it exists; raises StorageError."""
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise StorageError(
            f"{folder}: cannot create the folder for lattices ({error.strerror}); name another one"
        ) from error


def write_lattice(folder: Path, name: str, lattice: Lattice) -> None:
    """Write a lattice in every format, replacing files of the same names.

    Raises:
        StorageError: the disk is full, or the folder is not writable.
        ArgumentError: a word cannot be written in one of the formats.
    """
    openfst = to_openfst(lattice)
    texts = {
        ".json": to_json(lattice) + "\n",
        ".slf": to_slf(lattice, "_".join(name.split()) or "_"),
        ".fst.txt": openfst.acceptor,
        ".syms.txt": openfst.symbols,
        ".dot": to_dot(lattice),
    }
    for ending, text in texts.items():
        _write(folder / f"{name}{ending}", text)


def _write(path: Path, text: str) -> None:
    """Replace a file; only its owner can read it, for a lattice holds private speech."""
    try:
        replace_file(path, text.encode("utf-8", errors="backslashreplace"))
    except OSError as error:
        raise StorageError(
            f"{path}: cannot be written ({error.strerror}); free some space or name another folder"
        ) from error
