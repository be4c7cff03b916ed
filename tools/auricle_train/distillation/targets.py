"""A teacher's encoder frames on disk: full context, of clean clips as they are.

In: clips, twice the same, and a teacher's encoder. Out: a folder with `index.json` and shards
`NNNNN.npy`, (frames, width) float16, mapped into memory when read. A shard is there only when it is
whole, so that a killed run goes on after the last one.

For use where clips are not cut anew: evaluation, ablations, how near a student's frames come. The
training itself does not read it: each utterance is put together anew, of clips at other speeds,
with pauses, wake words and positions, and in full context every frame depends on all of that; what
is on disk is of another sound. By `distillation.cost`, tiny as teacher costs 18 % of a step that
hears it, 7 % of all at `Plan.distance_share` 0.4; to read as many frames costs 0.2 %. So the disk
could save 7 % of the training at most, for the price of utterances that are always the same.
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

SHARD_FRAMES = 180_000  # an hour; 138 MB of tiny's
SPARE = 1.02  # of the disk: index, headers, and what others write meanwhile


@dataclass(frozen=True)
class Index:
    """Which frames are whose, and of which teacher."""

    teacher: str  # SHA-256 of its weights
    width: int
    places: dict[str, tuple[int, int, int]]  # of a clip: shard, first frame in it, frames

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
        """Write it atomically."""
        partial = folder / "index.partial"
        partial.write_text(json.dumps(asdict(self)), encoding="utf-8")
        os.replace(partial, folder / "index.json")


def frames_of(clip: Clip) -> int:
    """Return how many encoder frames a clip has; what is left of a frame is dropped."""
    return len(clip.samples) // (HOP * STRIDE)


def plan(clips: Iterable[Clip], encoder: Encoder) -> Index:
    """Give each clip its place; clips beyond the encoder's positions (30 s) have none."""
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
    """Make the folder, or see that an earlier run of the same plan began it.

    Raises:
        StorageError: the folder holds the frames of other clips or of another teacher, or the disk
            has not enough room.
    """
    folder.mkdir(parents=True, exist_ok=True)
    done = sum(path.stat().st_size for path in folder.glob("*.npy"))
    needed, free = int(index.size * SPARE) - done, shutil.disk_usage(folder).free
    if needed > free:
        raise StorageError(
            f"{folder}: needs {needed / 1e9:.2f} GB more, the disk has {free / 1e9:.2f}: free some "
            "room, or name fewer sets"
        )
    if (folder / "index.json").exists() and Index.read(folder) != index:
        raise StorageError(
            f"{folder}: holds frames of other clips or of another teacher: name another folder"
        )
    index.write(folder)


def write_targets(
    clips: Iterable[Clip], encoder: Encoder, index: Index, folder: Path
) -> Iterator[int]:
    """Write the shards that are missing; yield the number of frames of each clip in its turn."""
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
    """Reads a folder of targets: (frames, width) by the name of the clip, mapped into memory."""

    def __init__(self, folder: Path) -> None:
        """Open the folder.

        Raises:
            StorageError: it holds no targets, or not all of them yet.
        """
        if not (folder / "index.json").exists():
            raise StorageError(f"{folder}: holds no targets: write them with the step `targets`")
        self._index = Index.read(folder)
        shards = {shard for shard, _, _ in self._index.places.values()}
        missing = [shard for shard in sorted(shards) if not _path(folder, shard).exists()]
        if missing:
            raise StorageError(
                f"{folder}: {len(missing)} of {len(shards)} shards are missing: run the step "
                "`targets` to its end"
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
