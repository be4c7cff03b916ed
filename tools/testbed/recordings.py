"""The recordings played on the testbed, with their texts and licences."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import yaml


@dataclass(frozen=True, slots=True)
class Recording:
    """One entry of a manifest."""

    path: Path
    what: str  # kind of sound
    text: str  # transcript; empty for noise and music
    seconds: float
    speaker: str  # unique across corpora; empty if unknown
    licence: str  # SPDX identifier if there is one
    source: str  # corpus and clip, and the author if the licence requires it


def load_recordings(folder: Path) -> dict[str, Recording]:
    """Return the recordings of `folder`/manifest.yaml, by file name without suffix."""
    entries = yaml.safe_load((folder / "manifest.yaml").read_text(encoding="utf-8"))
    recordings = {}
    for entry in entries:
        path = folder / entry.pop("file")
        recordings[path.stem] = Recording(path=path, **entry)
    return recordings
