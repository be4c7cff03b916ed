"""Reads a model bundle and checks every file against its manifest.

In: a folder with `manifest.yaml`. Out: a `Bundle`, whose files are complete and unchanged; or the
`Manifest` alone, for a folder of which only some files are needed. A bundle in a newer format is
rejected, so that an old daemon never misreads it.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import Any

from auricle.bundle.verify import verified_content, verify_file
from auricle.errors import MalformedError, ModelError
from auricle.parsing.files import read_regular
from auricle.parsing.limits import Limits, shown
from auricle.parsing.yaml_text import parse_yaml

FORMAT = 3  # format of the manifest; it is raised when older versions cannot run new bundles
MANIFEST = "manifest.yaml"
LIMITS = Limits(bytes=1024 * 1024, nodes=50_000)  # training data and results take most of it
MOST_FILES = 1000
LONGEST_PATH = 255  # characters
LONGEST_LINE = 100  # characters of the name, the version and the language
_DIGEST = re.compile(r"[0-9a-f]{64}")


@dataclass(frozen=True, slots=True)
class Manifest:
    """A checked manifest; its files are not verified."""

    folder: Path
    name: str
    version: str
    kind: str
    language: str  # BCP 47
    settings: dict[str, Any]  # settings of this kind; the loader of the kind checks them
    digests: dict[str, str]  # file, relative to `folder` -> its SHA-256

    def content(self, file: str, most_bytes: int) -> bytes:
        """Return the verified content of a file.

        Raises:
            ModelError: the manifest does not list the file, or the file differs from it.
        """
        if file not in self.digests:
            raise not_listed(self.folder, file)
        return verified_content(self.folder, file, self.digests[file], most_bytes)


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
            raise not_listed(self.folder, file)
        return self.folder / file


def load_bundle(folder: Path, kind: str) -> Bundle:
    """Read and verify a bundle.

    Raises:
        ModelError: the manifest is missing or invalid, the bundle has another kind or a newer
            format, or a file is missing, damaged, not a regular file, or outside the folder.
    """
    manifest = read_manifest(folder, kind)
    for file, digest in manifest.digests.items():
        verify_file(folder, file, digest)
    return Bundle(
        folder=folder,
        name=manifest.name,
        version=manifest.version,
        kind=kind,
        language=manifest.language,
        settings=manifest.settings,
        files=frozenset(manifest.digests),
    )


def read_manifest(folder: Path, kind: str) -> Manifest:
    """Read the manifest of a bundle.

    Raises:
        ModelError: it is missing or invalid, or the bundle has another kind or a newer format.
    """
    path = folder / MANIFEST
    content = _read(path)
    if _value(path, content, "format", int) > FORMAT:
        raise ModelError(
            f"{path}: format {content['format']} is newer than {FORMAT}, the newest format that "
            "this Auricle reads; update Auricle or use an older bundle"
        )
    if _value(path, content, "kind", str) != kind:
        raise ModelError(
            f"{path}: kind is {shown(content['kind'])!r}, not {kind!r}; name another bundle"
        )
    return Manifest(
        folder=folder,
        name=_line(path, content, "name"),
        version=_line(path, content, "version"),
        kind=kind,
        language=_line(path, content, "language"),
        settings=_value(path, content, "settings", dict),
        digests=_digests(path, content),
    )


def not_listed(folder: Path, file: str) -> ModelError:
    """Return the error for a file that the manifest does not list."""
    return ModelError(
        f"{folder / MANIFEST}: files: {file!r} is not listed; install the bundle again"
    )


def _read(path: Path) -> dict[str, Any]:
    """Return the mapping in a manifest."""
    try:
        content = parse_yaml(read_regular(path, LIMITS.bytes).decode("utf-8"), LIMITS)
    except (OSError, UnicodeDecodeError, MalformedError) as error:
        raise ModelError(f"{path}: cannot be read ({error}); install the bundle again") from error
    if not isinstance(content, dict):
        raise ModelError(f"{path}: is not a mapping; install the bundle again")
    return content


def _digests(path: Path, content: dict[str, Any]) -> dict[str, str]:
    """Return the SHA-256 of each file; all files must be in the folder of the manifest."""
    files = _value(path, content, "files", dict)
    if not files:
        raise ModelError(f"{path}: files: the list is empty; install the bundle again")
    if len(files) > MOST_FILES:
        raise ModelError(f"{path}: files: are more than {MOST_FILES}; install the bundle again")
    for file, digest in files.items():
        if PurePosixPath(file).is_absolute() or ".." in PurePosixPath(file).parts:
            raise ModelError(
                f"{path}: files: {shown(file)!r} is outside the folder of the bundle; install the "
                "bundle again"
            )
        if not file.isprintable() or len(file) > LONGEST_PATH:
            raise ModelError(
                f"{path}: files: {shown(file)!r} is not a file name; install the bundle again"
            )
        if not isinstance(digest, str) or not _DIGEST.fullmatch(digest):
            raise ModelError(
                f"{path}: files: {shown(file)!r}: its sha256 must have 64 digits from 0-9 and a-f; "
                "install the bundle again"
            )
    return dict(files)


def _line(path: Path, content: dict[str, Any], key: str) -> str:
    """Return a value that is one line of text, because it is printed."""
    text: str = _value(path, content, key, str)
    if not text.isprintable() or not 1 <= len(text) <= LONGEST_LINE:
        raise ModelError(
            f"{path}: {key}: {shown(text)!r} is not one line of 1 to {LONGEST_LINE} characters; "
            "install the bundle again"
        )
    return text


def _value(path: Path, content: dict[str, Any], key: str, kind: type) -> Any:
    value = content.get(key)
    if not isinstance(value, kind) or isinstance(value, bool):
        raise ModelError(
            f"{path}: {key}: {shown(repr(value))} is not a {kind.__name__}; install the bundle "
            "again"
        )
    return value
