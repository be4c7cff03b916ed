"""Reads a model bundle and checks every file against its manifest.

In: a folder with `manifest.yaml`. Out: a `Bundle`, whose files are complete and unchanged. A bundle
in a newer format is rejected, so that an old daemon never misreads it.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import Any

import yaml

from auricle.errors import ModelError

FORMAT = 3  # format of the manifest; it is raised when older versions cannot run new bundles


@dataclass(frozen=True, slots=True)
class Bundle:
    """A verified bundle on disk."""

    folder: Path
    name: str
    version: str
    kind: str  # "recognizer"
    language: str  # BCP 47
    settings: dict[str, Any]  # settings of this kind; the loader of the kind checks them
    files: frozenset[str]  # verified files, relative to `folder`

    def path(self, file: str) -> Path:
        """Return the path of one of its files.

        Raises:
            ModelError: the manifest does not list the file, so it is not verified.
        """
        if file not in self.files:
            raise ModelError(
                f"{self.folder / 'manifest.yaml'}: files: {file!r} is not listed; install the "
                "bundle again"
            )
        return self.folder / file


def load_bundle(folder: Path, kind: str) -> Bundle:
    """Read and verify a bundle.

    Raises:
        ModelError: the manifest is missing or invalid, the bundle has another kind or a newer
            format, or a file is missing, damaged or outside the folder.
    """
    path = folder / "manifest.yaml"
    try:
        manifest = yaml.safe_load(path.read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError, yaml.YAMLError) as error:
        raise ModelError(f"{path}: cannot be read ({error}); install the bundle again") from error
    if not isinstance(manifest, dict):
        raise ModelError(f"{path}: is not a mapping; install the bundle again")
    if _value(path, manifest, "format", int) > FORMAT:
        raise ModelError(
            f"{path}: format {manifest['format']} is newer than {FORMAT}, the newest format that "
            "this Auricle reads; update Auricle or use an older bundle"
        )
    if _value(path, manifest, "kind", str) != kind:
        raise ModelError(f"{path}: kind is {manifest['kind']!r}, not {kind!r}; name another bundle")
    files = _files(path, manifest)
    for file, digest in files.items():
        _verify(folder / file, digest)
    return Bundle(
        folder=folder,
        name=_value(path, manifest, "name", str),
        version=_value(path, manifest, "version", str),
        kind=kind,
        language=_value(path, manifest, "language", str),
        settings=_value(path, manifest, "settings", dict),
        files=frozenset(files),
    )


def _files(path: Path, manifest: dict[str, Any]) -> dict[str, str]:
    """Return the sha256 of each file; all files must be in the folder of the manifest."""
    files = {
        str(file): str(digest) for file, digest in _value(path, manifest, "files", dict).items()
    }
    if not files:
        raise ModelError(f"{path}: files: the list is empty; install the bundle again")
    for file in files:
        if PurePosixPath(file).is_absolute() or ".." in PurePosixPath(file).parts:
            raise ModelError(
                f"{path}: files: {file!r} is outside the folder of the bundle; install the bundle "
                "again"
            )
    return files


def _value(path: Path, manifest: dict[str, Any], key: str, kind: type) -> Any:
    value = manifest.get(key)
    if not isinstance(value, kind):
        raise ModelError(
            f"{path}: {key}: {value!r} is not a {kind.__name__}; install the bundle again"
        )
    return value


def _verify(file: Path, expected: str) -> None:
    try:
        with file.open("rb") as content:
            actual = hashlib.file_digest(content, "sha256").hexdigest()
    except OSError as error:
        raise ModelError(
            f"{file}: cannot be read ({error.strerror}); install the bundle again"
        ) from error
    if actual != expected:
        raise ModelError(
            f"{file}: sha256 is {actual}, but the manifest says {expected}: the file is damaged "
            "or belongs to another bundle; install the bundle again"
        )
