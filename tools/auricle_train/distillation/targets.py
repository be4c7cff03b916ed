"""Disk cache of a teacher's encoder frames with full context, for clean clips.

In: the same clips in two passes, and a teacher's encoder. Out: a folder with `index.json` and
shards `NNNNN.npy`, (frames, width) float16, memory-mapped when read. Shards are written atomically,
so a killed run continues after the last one.

The cache serves evaluation and ablations on unchanged clips. The training does not read it: it
assembles each utterance from clips at other speeds, with pauses, wake words and other positions,
and with full context every frame depends on all of them. According to `distillation.cost`, Whisper
tiny as teacher costs 18 % of a step that uses it, or 7 % of all steps at `Plan.distance_share` 0.4;
reading the frames from disk costs 0.2 %. A cache could therefore save at most 7 % of the training
time, and only if the utterances never changed.
"""

from __future__ import annotations

import hashlib
import json
import os
import shutil
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import asdict, dataclass
from itertools import groupby
from pathlib import Path

import numpy as np
import torch
from numpy.lib.format import open_memmap
from numpy.typing import NDArray

from auricle.errors import StorageError
from auricle.features import HOP, LogMel
from auricle_train.data.corpus import Clip
from auricle_train.models.dimensions import STRIDE
from auricle_train.models.transducer import Encoder

SHARD_FRAMES = 180_000  # one hour; 138 MB with Whisper tiny
SPARE = 1.02  # factor for the required disk space: index, headers, other programs


@dataclass(frozen=True)
class Index:
    """Index of the cached frames."""

    teacher: str  # SHA-256 of the teacher's weights
    width: int
    places: dict[str, tuple[int, int, int]]  # by clip: shard, first frame in it, frame count

    @property
    def size(self) -> int:
        """Bytes of all frames."""
        return sum(count for _, _, count in self.places.values()) * self.width * 2

    @classmethod
    def read(cls, folder: Path) -> Index:
        """Return the index of a folder."""
        row = json.loads((folder / "index.json").read_text(encoding="utf-8"))
        places = {clip: tuple(place) for clip, place in row["places"].items()}
        return cls(row["teacher"], row["width"], places)

    def write(self, folder: Path) -> None:
        """Write the index atomically."""
        partial = folder / "index.partial"
        partial.write_text(json.dumps(asdict(self)), encoding="utf-8")
        os.replace(partial, folder / "index.json")


def frames_of(clip: Clip) -> int:
    """Return the number of complete encoder frames of a clip."""
    return len(clip.samples) // (HOP * STRIDE)


def plan(clips: Iterable[Clip], encoder: Encoder) -> Index:
    """Assign each clip its place; skip clips longer than the encoder's positions (30 s)."""
    places, shard, first = {}, 0, 0
    for clip in clips:
        count = frames_of(clip)
        if not 0 < count <= encoder.shape.positions:
            continue
        if first + count > SHARD_FRAMES:
            shard, first = shard + 1, 0
        places[clip.name] = (shard, first, count)
        first += count
    return Index(_digest(encoder), encoder.shape.width, places)


def prepare(index: Index, folder: Path) -> None:
    """Create the folder, or check that it belongs to the same clips and teacher.

    Raises:
        StorageError: the folder has frames of other clips or of another teacher, or the disk has
            too little space.
    """
    folder.mkdir(parents=True, exist_ok=True)
    done = sum(path.stat().st_size for path in folder.glob("*.npy"))
    needed, free = int(index.size * SPARE) - done, shutil.disk_usage(folder).free
    if needed > free:
        raise StorageError(
            f"{folder}: needs {needed / 1e9:.2f} GB more, the disk has {free / 1e9:.2f}: free some "
            "space, or name fewer sets"
        )
    if (folder / "index.json").exists() and Index.read(folder) != index:
        raise StorageError(
            f"{folder}: has frames of other clips or of another teacher: name another folder"
        )
    index.write(folder)


def write_targets(
    clips: Iterable[Clip], encoder: Encoder, index: Index, folder: Path
) -> Iterator[int]:
    """Write the missing shards; yield the number of frames after each clip."""
    placed = (clip for clip in clips if clip.name in index.places)
    for shard, some in groupby(placed, key=lambda clip: index.places[clip.name][0]):
        if _path(folder, shard).exists():
            yield from (index.places[clip.name][2] for clip in some)
        else:
            yield from _write_shard(some, shard, encoder, index, folder)


def _write_shard(
    clips: Iterable[Clip], shard: int, encoder: Encoder, index: Index, folder: Path
) -> Iterator[int]:
    frames = sum(count for other, _, count in index.places.values() if other == shard)
    partial, log_mel = folder / "shard.partial", LogMel()
    memory = open_memmap(partial, "w+", np.float16, (frames, index.width))
    for clip in clips:
        _, first, count = index.places[clip.name]
        features = torch.from_numpy(log_mel.whole(clip.samples)[: count * STRIDE])
        with torch.no_grad():
            memory[first : first + count] = encoder(features[None], chunked=False)[0].numpy()
        yield count
    memory.flush()
    os.replace(partial, _path(folder, shard))


class Targets(Mapping[str, NDArray[np.float16]]):
    """Maps clip names to cached frames, (frames, width), memory-mapped."""

    def __init__(self, folder: Path) -> None:
        """Open the folder.

        Raises:
            StorageError: the folder has no targets, or not all of them yet.
        """
        if not (folder / "index.json").exists():
            raise StorageError(f"{folder}: has no targets: write them with the step `targets`")
        self._index = Index.read(folder)
        shards = {shard for shard, _, _ in self._index.places.values()}
        missing = [shard for shard in sorted(shards) if not _path(folder, shard).exists()]
        if missing:
            raise StorageError(
                f"{folder}: {len(missing)} of {len(shards)} shards are missing: run the step "
                "`targets` to completion"
            )
        self._shards = {shard: np.load(_path(folder, shard), mmap_mode="r") for shard in shards}

    def __getitem__(self, clip: str) -> NDArray[np.float16]:
        shard, first, count = self._index.places[clip]
        frames: NDArray[np.float16] = self._shards[shard][first : first + count]
        return frames

    def __iter__(self) -> Iterator[str]:
        return iter(self._index.places)

    def __len__(self) -> int:
        return len(self._index.places)


def _path(folder: Path, shard: int) -> Path:
    return folder / f"{shard:05}.npy"


def _digest(encoder: Encoder) -> str:
    digest = hashlib.sha256()
    for name, value in encoder.state_dict().items():
        digest.update(name.encode() + value.numpy().tobytes())
    return digest.hexdigest()
