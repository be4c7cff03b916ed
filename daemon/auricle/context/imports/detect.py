"""Detects the type of a file or folder to import, and reads it.

In: a path. Out: its entries, all of one kind.
"""

from __future__ import annotations

import os
from pathlib import Path

from auricle.context.imports.home_assistant import read_registry
from auricle.context.imports.imported import Imported
from auricle.context.imports.music import read_music
from auricle.context.imports.vcard import read_vcards
from auricle.errors import ImportedFileError

REGISTRY = Path(".storage") / "core.entity_registry"
MOST_BYTES = 256 * 1024 * 1024  # vCards can contain photographs


def read_import(path: Path) -> Imported:
    """Return the names in a file or folder.

    A folder with `.storage/core.entity_registry` is read as Home Assistant's, a folder with .vcf
    files as an address book, and any other folder as music. A .vcf file is read as contacts, and
    any other file as an entity registry.

    Raises:
        ImportedFileError: the path has another content, or cannot be read.
    """
    try:
        if not path.is_dir():
            return _read_file(path)
        if (path / REGISTRY).exists():
            return _read_file(path / REGISTRY)
        cards = sorted(file for file in path.iterdir() if _is_cards(file))
        if cards:
            return _read_cards(cards)
        music = Imported("media", "music")
        read_music(path, music)
        return music
    except OSError as error:
        raise ImportedFileError(
            f"{os.fsdecode(error.filename or path)}: cannot be read: {error.strerror}; name a file "
            "or folder that you can read"
        ) from error


def _read_file(path: Path) -> Imported:
    if _is_cards(path):
        return _read_cards([path])
    appliances = Imported("appliances", "home-assistant")
    read_registry(_bytes_of(path), path, appliances)
    return appliances


def _read_cards(files: list[Path]) -> Imported:
    contacts = Imported("contacts", "vcard")
    for file in files:
        read_vcards(_bytes_of(file), file, contacts)
    return contacts


def _is_cards(path: Path) -> bool:
    return path.suffix.lower() in (".vcf", ".vcard")


def _bytes_of(path: Path) -> bytes:
    with path.open("rb") as file:
        data = file.read(MOST_BYTES + 1)
    if len(data) > MOST_BYTES:
        raise ImportedFileError(f"{path}: is larger than {MOST_BYTES >> 20} MiB; split it")
    return data
