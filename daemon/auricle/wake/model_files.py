"""Reads the two files of a wake-word model, and checks them against the manifest beside them.

In: the path of the JSON file. Out: its description and the content of its network. Each file is
read once, so that what was checked is what is used.

If a `manifest.yaml` lies in the folder, as for the shipped models, it must list both files with
their SHA-256: a changed cut-off, or the network of another word, is refused. An owner's own model
may lie in a folder without a manifest; then only its values are checked.
"""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path

from auricle.bundle.manifest import MANIFEST, Manifest, read_manifest
from auricle.errors import MalformedError, ModelError
from auricle.parsing.files import read_regular
from auricle.wake.metadata import LIMITS, Description, read_description

KIND = "wake"  # kind of the manifest
MOST_NETWORK_BYTES = 16 * 1024 * 1024  # a shipped network has 80 KB


@dataclass(frozen=True, slots=True, eq=False)
class ModelFiles:
    """The content of a wake-word model."""

    description: Description
    network: bytes  # TFLite


def has_manifest(path: Path) -> bool:
    """Return whether a manifest lies beside the JSON file of a model."""
    return os.path.lexists(path.parent / MANIFEST)


def read_model_files(path: Path, *, listed: bool = False) -> ModelFiles:
    """Read and check the files of a model.

    Args:
        path: the JSON file.
        listed: whether a manifest must list it; if not, one is still obeyed if it exists.

    Raises:
        ModelError: a file is missing, differs from the manifest, or has an impossible value.
    """
    manifest = read_manifest(path.parent, KIND) if listed or has_manifest(path) else None
    description = read_description(path, _content(manifest, path, LIMITS.bytes))
    return ModelFiles(description, _content(manifest, description.network, MOST_NETWORK_BYTES))


def _content(manifest: Manifest | None, path: Path, most_bytes: int) -> bytes:
    """Return the content of a file, verified if there is a manifest."""
    if manifest is not None:
        return manifest.content(path.name, most_bytes)
    try:
        return read_regular(path, most_bytes)
    except MalformedError as error:
        raise ModelError(f"The model {path} {error.remedy}, or install it again.") from error
    except OSError as error:
        raise ModelError(
            f"The model {path} cannot be read ({error.strerror}); install it again."
        ) from error
