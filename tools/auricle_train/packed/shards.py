"""Packs recordings into Opus shards of limited size, and decodes them in several processes.

In: sets and manifests, filtered by licence as in `data.corpus`. Out: `KIND-NNN.tar` with one Opus
file per clip, and `KIND-NNN.tsv` with its metadata. Decoded samples are cached and memory-mapped.
"""

from __future__ import annotations

import csv
import importlib
import io
import multiprocessing
import tarfile
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import asdict, dataclass, fields
from pathlib import Path
from typing import Any

import soundfile

from auricle.audio.file import read_recording
from auricle.errors import ArgumentError
from auricle.features import SAMPLE_RATE
from auricle_train.data.audio_cache import stored
from auricle_train.data.corpus import Clip, is_allowed, read_table
from auricle_train.training.signals import leave_to_parent

MOST = 60_000_000  # maximum bytes per shard
BLOCK = 512  # bytes; tar pads headers and files to it
END = 20 * BLOCK  # bytes that end a tar


@dataclass(frozen=True)
class Row:
    """Metadata of a packed clip."""

    id: str  # unique in its shard
    text: str
    speaker: str
    source: str  # set or manifest
    licence: str


Packed = tuple[Row, bytes]  # metadata and Opus file


def of_set(
    folder: Path, name: str, split: str, labels: Mapping[str, str], *, to_ship: bool = True,
) -> Iterator[Packed]:  # fmt: skip
    """Yield the clips of a set, see `corpus.read_set`; `labels` adds texts for clips without."""
    with tarfile.open(folder / f"{name}.tar") as tar:
        for row in read_table(folder, name, split, to_ship=to_ship):
            member = tar.extractfile(f"{row['id']}.opus")
            if member is None:
                raise ArgumentError(f"{name}.tar: {row['id']}.opus is not a file: check the set")
            text = row["text"] or labels.get(row["id"], "")
            yield Row(row["id"], text, row["speaker"], name, row["licence"]), member.read()


def of_manifest(path: Path, split: str) -> Iterator[Packed]:
    """Yield the clips of a manifest, see `manifests`; other formats are converted to Opus."""
    lhotse = importlib.import_module("lhotse")  # takes seconds to import
    for cut in lhotse.CutSet.from_file(path):
        said = cut.supervisions[0]
        if said.custom["split"] == split and is_allowed(said.custom["licence"]):
            name = path.name.split(".")[0]
            row = Row(cut.id, said.text, said.speaker or "", name, said.custom["licence"])
            yield row, _opus_of(cut)


def _opus_of(cut: Any) -> bytes:
    recording = cut.recording
    path = Path(recording.sources[0].source)
    whole = cut.start == 0 and cut.duration == recording.duration
    if whole and path.suffix == ".opus" and recording.sampling_rate == SAMPLE_RATE:
        return path.read_bytes()
    samples = read_recording(path)
    first = round(cut.start * SAMPLE_RATE)
    count = round(cut.duration * SAMPLE_RATE)
    content = io.BytesIO()
    soundfile.write(content, samples[first : first + count], SAMPLE_RATE, "OPUS", format="OGG")
    return content.getvalue()


def wanted(clips: Iterable[Packed], exclude: Collection[str]) -> Iterator[Packed]:
    """Yield the clips that have a text and are not excluded by name."""
    return (clip for clip in clips if clip[0].text and clip[0].id not in exclude)


def write_shards(folder: Path, kind: str, clips: Iterable[Packed], most: int = MOST) -> list[Path]:
    """Write clips as shards of at most `most` bytes each; return the tars.

    Raises:
        ArgumentError: a clip is larger than a shard, or two clips of a set have the same name.
    """
    found: list[Path] = []
    group: list[Packed] = []
    held = END
    for clip in clips:
        size = BLOCK + -(-len(clip[1]) // BLOCK) * BLOCK
        if END + size > most:
            raise ArgumentError(f"{clip[0].id}: {size} bytes, a shard has {most}: allow more")
        if held + size > most:
            found.append(_write_shard(folder, f"{kind}-{len(found):03}", group))
            group, held = [], END
        group.append(clip)
        held += size
    if group:
        found.append(_write_shard(folder, f"{kind}-{len(found):03}", group))
    return found


def _write_shard(folder: Path, name: str, clips: Sequence[Packed]) -> Path:
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / f"{name}.tar"
    members = {_member(row): content for row, content in clips}
    if len(members) < len(clips):
        raise ArgumentError(f"{name}: two clips of one set have the same name: rename one")
    with tarfile.open(path, "w", format=tarfile.USTAR_FORMAT) as tar:
        for member, content in members.items():
            about = tarfile.TarInfo(member)
            about.size = len(content)
            tar.addfile(about, io.BytesIO(content))
    with path.with_suffix(".tsv").open("w", encoding="utf-8", newline="") as file:
        table = csv.DictWriter(file, [item.name for item in fields(Row)], delimiter="\t",
                               quoting=csv.QUOTE_NONE, lineterminator="\n")  # fmt: skip
        table.writeheader()
        table.writerows(asdict(row) for row, _ in clips)
    return path


def _member(row: Row) -> str:
    return f"{row.source}/{row.id}.opus"


def read_rows(tar: Path) -> list[Row]:
    """Return the metadata of the clips of a shard, in order."""
    with tar.with_suffix(".tsv").open(encoding="utf-8", newline="") as file:
        return [Row(**row) for row in
                csv.DictReader(file, delimiter="\t", quoting=csv.QUOTE_NONE)]  # fmt: skip


def read_shard(tar: Path) -> Iterator[Clip]:
    """Yield the clips of a shard, decoded.

    Raises:
        ArgumentError: a clip is missing or not mono at 16 kHz.
    """
    with tarfile.open(tar) as members:
        for row in read_rows(tar):
            member = members.extractfile(_member(row))
            if member is None:
                raise ArgumentError(f"{tar}: {_member(row)} is not a file: pack the job again")
            samples, rate = soundfile.read(io.BytesIO(member.read()), dtype="int16")
            if rate != SAMPLE_RATE or samples.ndim != 1:
                raise ArgumentError(f"{tar}: {_member(row)}: not mono at {SAMPLE_RATE} Hz")
            yield Clip(row.id, samples, row.text, row.speaker)


def decoded(shards: Sequence[Path], store: Path, workers: int) -> list[Clip]:
    """Return the clips of all shards, memory-mapped from the store; decode those it lacks.

    Args:
        shards: tar files.
        store: folder, see `data.audio_cache.stored`.
        workers: decoding processes, one shard each; 0: decode in this process.
    """
    if workers:
        with ProcessPoolExecutor(
            workers, multiprocessing.get_context("fork"), leave_to_parent, (0,)
        ) as pool:  # fmt: skip
            list(pool.map(_store, shards, [store] * len(shards)))
    return [clip for shard in shards for clip in _stored(shard, store)]


def _store(shard: Path, store: Path) -> None:
    _stored(shard, store)


def _stored(shard: Path, store: Path) -> list[Clip]:
    sources = [shard, shard.with_suffix(".tsv")]
    return stored(store, shard.stem, sources, lambda: read_shard(shard))
