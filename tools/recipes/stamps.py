"""Detects changed files.

In: files and folders. Out: the SHA-256 of a file; the stamp of a file or folder, a short text that
changes with its content. The stamp of a file above 16 MB is its size and modification time, because
encoder caches take tens of gigabytes; the stamp of a smaller file is its SHA-256.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from pathlib import Path

from recipes.recipe import RecipeError

SMALL = 16 * 2**20  # bytes
BLOCK = 2**20


def sha256(path: Path) -> str:
    """Return the SHA-256 of a file in hexadecimal digits."""
    digest = hashlib.sha256()
    with path.open("rb") as file:
        while block := file.read(BLOCK):
            digest.update(block)
    return digest.hexdigest()


def check(data: Mapping[Path, str]) -> None:
    """Check external files against their SHA-256.

    Raises:
        RecipeError: a file is missing, or has another SHA-256 than in the recipe.
    """
    for path, expected in data.items():
        if not path.is_file():
            raise RecipeError(
                f"data: {path} is missing; put it there, or name its folder with --set"
            )
        found = sha256(path)
        if found != expected:
            raise RecipeError(
                f"data: {path} has SHA-256 {found[:12]}..., the recipe expects {expected[:12]}...; "
                "get that version, or put the new sum into the recipe (`recipes sums`)"
            )


def stamp(path: Path) -> str:
    """Return the stamp of a file or of all files in a folder; empty if the path is missing."""
    if path.is_file():
        return _of_file(path)
    if not path.is_dir():
        return ""
    digest = hashlib.sha256()
    for file in sorted(file for file in path.rglob("*") if file.is_file()):
        digest.update(f"{file.relative_to(path)}\0{_of_file(file)}\0".encode())
    return digest.hexdigest()


def _of_file(path: Path) -> str:
    about = path.stat()
    if about.st_size <= SMALL:
        return sha256(path)
    return f"{about.st_size} bytes, {about.st_mtime_ns}"
