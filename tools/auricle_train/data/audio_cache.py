"""Disk cache of decoded samples, so that a training run starts without decoding.

In: a name, the source files of the clips, and a function that reads them. Out: clips whose samples
are memory-mapped from one int16 file, shared by all processes. The cache is rebuilt when a source
changes.
"""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path

import numpy as np

from auricle_train.data.corpus import Clip, read_set


def stored(
    store: Path, name: str, sources: Sequence[Path], read: Callable[[], Iterable[Clip]]
) -> list[Clip]:
    """Return the clips of `read`, from the store if it has them.

    Args:
        store: folder; created if missing.
        name: name of this collection of clips, unique in the store.
        sources: source files; their path, size and modification time identify the collection.
        read: decodes the clips.

    Raises:
        FileNotFoundError: a source is missing.
    """
    index = store / f"{name}-{_fingerprint(sources)}.json"
    sound = index.with_suffix(".int16")
    if not index.exists():
        store.mkdir(parents=True, exist_ok=True)
        outdated = [*store.glob(f"{name}-{'[0-9a-f]' * 16}.*")]
        _write(index, sound, read())
        for path in outdated:  # running processes keep their mapping
            path.unlink(missing_ok=True)
    rows = json.loads(index.read_text(encoding="utf-8"))
    size = sound.stat().st_size
    samples = np.memmap(sound, np.int16, mode="r") if size else np.zeros(0, np.int16)
    return [
        Clip(row["name"], samples[row["first"] : row["end"]], row["text"], row["speaker"])
        for row in rows
    ]


def stored_set(store: Path, folder: Path, name: str, split: str) -> list[Clip]:
    """Return the clips of `corpus.read_set`, from the store if it has them."""
    sources = [folder / f"{name}.tsv", folder / f"{name}.tar"]
    return stored(store, f"{name}-{split}", sources, lambda: read_set(folder, name, split))


def _fingerprint(sources: Sequence[Path]) -> str:
    about = [(str(path.resolve()), path.stat().st_size, path.stat().st_mtime_ns)
             for path in sources]  # fmt: skip
    return hashlib.sha256(json.dumps(about).encode()).hexdigest()[:16]


def _write(index: Path, sound: Path, clips: Iterable[Clip]) -> None:
    """Write the samples, then the index; its existence means that both are complete."""
    mark = f".partial-{os.getpid()}"
    partial_sound, partial_index = sound.with_suffix(mark + "-sound"), index.with_suffix(mark)
    rows, end = [], 0
    try:
        with partial_sound.open("wb") as out:
            for clip in clips:
                out.write(clip.samples.astype("<i2", copy=False).tobytes())
                first, end = end, end + len(clip.samples)
                rows.append({"name": clip.name, "first": first, "end": end, "text": clip.text,
                             "speaker": clip.speaker})  # fmt: skip
        partial_index.write_text(json.dumps(rows), encoding="utf-8")
        os.replace(partial_sound, sound)
        os.replace(partial_index, index)
    finally:
        partial_sound.unlink(missing_ok=True)
        partial_index.unlink(missing_ok=True)
