"""The recordings that are played on the testbed, with what is said in them and who may use them."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import yaml


@dataclass(frozen=True, slots=True)
class Recording:
    """One entry of a manifest."""

    path: Path
    what: str  # what kind of sound it is
    text: str  # what is said; empty for noise and music
    seconds: float
    speaker: str  # unique over all corpora; empty when unknown
    licence: str  # SPDX name where there is one
    source: str  # corpus and clip, with the author where the licence asks for it


def load_recordings(folder: Path) -> dict[str, Recording]:
    """Return the recordings of `folder`/manifest.yaml, by file name without its ending."""
    entries = yaml.safe_load((folder / "manifest.yaml").read_text(encoding="utf-8"))
    recordings = {}
    for entry in entries:
        path = folder / entry.pop("file")
        recordings[path.stem] = Recording(path=path, **entry)
    return recordings
