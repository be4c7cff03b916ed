"""Splits large files into parts, for transfers with a size limit.

In: a file. Out: its parts, and `NAME.parts.json` with the hash of each part and of the whole. The
index is written last and atomically, so parts of an interrupted write are never joined.
"""

from __future__ import annotations

import hashlib
import json
import os
from pathlib import Path
from typing import Any

from auricle.errors import ModelError, StorageError

MOST = 16_000_000  # maximum bytes per part


def index_of(folder: Path, name: str) -> Path:
    """Return the file that lists the parts of `name`."""
    return folder / f"{name}.parts.json"


def split(path: Path, folder: Path, most: int = MOST) -> list[Path]:
    """Write a file as parts of at most `most` bytes; return them.

    Part names contain a prefix of the file's hash, so the previous parts stay until the new index
    is written.

    Raises:
        StorageError: the parts cannot be written; the previous parts stay complete.
    """
    try:
        folder.mkdir(parents=True, exist_ok=True)
        mark = _hash_of(path)
        rows: list[dict[str, Any]] = []
        with path.open("rb") as file:
            while content := file.read(most):
                name = f"{path.name}.{mark[:8]}.{len(rows):03}"
                (folder / name).write_bytes(content)
                digest = hashlib.sha256(content).hexdigest()
                rows.append({"name": name, "bytes": len(content), "sha256": digest})
        index = index_of(folder, path.name)
        partial = index.with_suffix(".partial")
        partial.write_text(json.dumps({"sha256": mark, "parts": rows}, indent=1), encoding="utf-8")
        os.replace(partial, index)
    except OSError as error:
        raise StorageError(
            f"{folder}: {path.name} not written: {error}: free some space"
        ) from error
    kept = {row["name"] for row in rows}
    for other in folder.glob(f"{path.name}.????????.???"):
        if other.name not in kept:
            other.unlink(missing_ok=True)
    return [folder / row["name"] for row in rows]


def join(folder: Path, name: str, path: Path) -> None:
    """Join the parts of `name` into the file `path`, atomically.

    Raises:
        ModelError: a part is missing or damaged.
        StorageError: the file cannot be written.
    """
    index, partial = index_of(folder, name), path.with_name(f"{path.name}.partial")
    whole = hashlib.sha256()
    try:
        saved = json.loads(index.read_text(encoding="utf-8"))
        path.parent.mkdir(parents=True, exist_ok=True)
        with partial.open("wb") as out:
            for row in saved["parts"]:
                content = (folder / row["name"]).read_bytes()
                _check(folder / row["name"], hashlib.sha256(content).hexdigest(), row["sha256"])
                whole.update(content)
                out.write(content)
        _check(index, whole.hexdigest(), saved["sha256"])
        os.replace(partial, path)
    except FileNotFoundError as error:
        raise ModelError(f"{error.filename}: missing: copy all parts of {name}") from error
    except (ValueError, KeyError, TypeError) as error:
        raise ModelError(f"{index}: not a list of parts ({error}): copy it again") from error
    except OSError as error:
        raise StorageError(f"{path}: not written: {error}: free some space") from error
    finally:
        partial.unlink(missing_ok=True)


def _check(path: Path, found: str, wanted: str) -> None:
    if found != wanted:
        raise ModelError(f"{path}: damaged, sha256 {found[:12]}, not {wanted[:12]}: copy it again")


def _hash_of(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
