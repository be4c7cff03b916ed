"""SLURP (Bastianelli et al., EMNLP 2020): dataset/slurp/*.jsonl and a folder slurp_real of FLAC.

The recordings are CC BY-NC 4.0, so manifests include them only with --any-licence.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

from auricle_train.data.layouts.utterance import Utterance, expect

SPLITS = {"train": "train", "devel": "dev", "test": "test"}


def utterances(source: Path, unpacked: Path) -> Iterator[Utterance]:
    """Yield the recordings marked as correct."""
    tables = [path for name in SPLITS
              if (path := source / "dataset" / "slurp" / f"{name}.jsonl").exists()]  # fmt: skip
    expect(tables, source, "dataset/slurp/*.jsonl")
    folder = next((path for path in source.rglob("slurp_real") if path.is_dir()), None)
    expect(folder, source, "folder slurp_real of recordings")
    speakers = _speakers(source / "dataset" / "slurp" / "metadata.json")
    for path in tables:
        for line in path.read_text(encoding="utf-8").splitlines():
            entry = json.loads(line)
            for recording in entry["recordings"]:
                if recording["status"] == "correct":
                    audio = Path(str(folder), recording["file"])
                    yield Utterance(
                        audio.stem, audio, entry["sentence"],
                        speakers.get(_key(audio.name), ""), SPLITS[path.stem],
                        "CC-BY-NC-4.0", "SLURP",
                    )  # fmt: skip


def _speakers(metadata: Path) -> dict[str, str]:
    """Return the speaker of each recording; empty without metadata."""
    if not metadata.exists():
        return {}
    entries = json.loads(metadata.read_text(encoding="utf-8")).values()
    return {_key(name): f"slurp-{about['usrid']}"
            for entry in entries for name, about in entry["recordings"].items()}  # fmt: skip


def _key(name: str) -> str:
    """Return the common part of names: the metadata writes `audio--1.flac` for `audio-1.flac`."""
    return name.removeprefix("audio").lstrip("-")
