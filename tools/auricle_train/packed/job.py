"""Packs a GPU job: recordings, the frozen encoder, a top to start from, code, and a script.

In: sets, manifests, checkpoints. Out: a folder whose `job.json` lists all files with their hashes,
so that a damaged copy is detected before training starts on the GPU machine.
"""

from __future__ import annotations

import hashlib
import json
import shutil
import zipfile
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import chain
from pathlib import Path
from typing import Any

import numpy as np

from auricle.errors import ModelError
from auricle_train.data.corpus import BACKGROUND, SPEECH
from auricle_train.data.encoder_cache import FrozenEncoder
from auricle_train.models.top import TopShape
from auricle_train.packed import parts, shards
from auricle_train.packed.shards import Packed
from auricle_train.training import checkpoint
from auricle_train.training.run import PREFIXES, Recordings

FORMAT = 1
TOP = "start.pt"  # the top to start from, in parts
ENCODER = "encoder.pt"  # the checkpoint with the frozen encoder, in parts
CODE = Path(__file__).parents[2]  # folder of the training package
SKIPPED = {"checkpoints", "__pycache__"}  # folders not packed


@dataclass(frozen=True)
class Sources:
    """The inputs of a job."""

    data: Path  # data folder, see `data.corpus`
    recogniser: Path  # checkpoint with the frozen encoder
    vocabulary: Path
    top: Path  # checkpoint of `train-top` to start from
    manifests: Sequence[Path] = ()
    labels: Path | None = None  # texts for clips without one
    exclude: Path | None = None  # names of clips to skip
    rooms: Sequence[np.ndarray] = ()  # impulse responses
    dev_sets: Sequence[str] = ()
    dev_clips: int = 60  # clips per dev set
    speech_sets: Sequence[str] = SPEECH
    daemon: Path = CODE.parent / "daemon"  # folder of the daemon's package


def pack(sources: Sources, folder: Path, most: int = shards.MOST) -> dict[str, Any]:
    """Write a job into an empty or missing folder; return the content of `job.json`.

    Args:
        sources: inputs of the job.
        folder: folder of the job.
        most: maximum bytes per shard.

    Raises:
        ModelError: the top is not a checkpoint of `train-top`, or has another encoder.
    """
    saved = _checked_top(sources)
    folder.mkdir(parents=True, exist_ok=True)
    counts = {kind: _pack_audio(folder / "audio", kind, clips, most)
              for kind, clips in _audio(sources).items()}  # fmt: skip
    np.savez_compressed(folder / "rooms.npz", *sources.rooms)
    shutil.copyfile(sources.vocabulary, folder / "tokens.txt")
    _write_parts(folder / ENCODER, _without_second_pass(sources.recogniser))
    kept = ("shape", "digest", "average", "heard", "heard_before")
    _write_parts(folder / TOP, {name: saved[name] for name in kept if name in saved})
    _pack_code(folder / "code.zip", (CODE / "auricle_train", sources.daemon / "auricle"))
    shutil.copy(Path(__file__).with_name("run.sh"), folder / "run.sh")
    files = {str(path.relative_to(folder)): _about(path) for path in _files(folder)}
    about = {"format": FORMAT, "encoder": saved["digest"], "clips": counts, "files": files}
    (folder / "job.json").write_text(json.dumps(about, indent=1), encoding="utf-8")
    return about


def _checked_top(sources: Sources) -> dict[str, Any]:
    saved = checkpoint.read(sources.top)
    try:
        streams = TopShape.of(saved["shape"]).streams
        encoder = FrozenEncoder(checkpoint.load_model(sources.recogniser), streams)
        digest = saved["digest"]
    except (KeyError, TypeError) as error:
        raise ModelError(f"{sources.top}: not a checkpoint of `train-top`: name one") from error
    if encoder.digest != digest:
        raise ModelError(
            f"{sources.top}: trained on encoder {digest[:12]}, {sources.recogniser} has "
            f"{encoder.digest[:12]}: name the recogniser that its cache was made with"
        )
    return saved


def _audio(sources: Sources) -> Mapping[str, Iterator[Packed]]:
    """Return the clips of each kind."""
    recordings = Recordings(sources.data, labels=sources.labels, exclude=sources.exclude)
    labels, wrong = recordings.labelled(), recordings.excluded()
    speech = chain(
        *(shards.of_set(sources.data, name, "train", labels) for name in sources.speech_sets),
        *(shards.of_manifest(path, "train") for path in sources.manifests),
    )
    dev = chain(*(_few(sources, name) for name in sources.dev_sets))
    others = {
        kind: chain(*(shards.of_set(sources.data, name, "train", {}) for name in names))
        for kind, names in (("prefix", PREFIXES), ("background", BACKGROUND))
    }
    return {"speech": shards.wanted(speech, wrong), "dev": shards.wanted(dev, ()), **others}


def _few(sources: Sources, name: str) -> Iterator[Packed]:
    clips = list(shards.of_set(sources.data, name, "dev", {}, to_ship=False))
    count = min(sources.dev_clips, len(clips))
    return iter([clips[number * len(clips) // count] for number in range(count)])


def _pack_audio(folder: Path, kind: str, clips: Iterator[Packed], most: int) -> int:
    tars = shards.write_shards(folder, kind, clips, most)
    return sum(len(shards.read_rows(tar)) for tar in tars)


def _without_second_pass(recogniser: Path) -> dict[str, Any]:
    saved = checkpoint.read(recogniser)
    model = {name: value for name, value in saved["model"].items()
             if not name.startswith("decoder.")}  # fmt: skip
    return {"shape": saved["shape"], "model": model}


def _write_parts(path: Path, state: dict[str, Any]) -> None:
    checkpoint.write(path, state)
    parts.split(path, path.parent)
    path.unlink()


def _pack_code(path: Path, packages: Sequence[Path]) -> None:
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        for package in packages:
            for file in sorted(package.rglob("*")):
                inside = file.relative_to(package.parent)
                if file.is_file() and not SKIPPED & set(inside.parts):
                    archive.write(file, inside)


def _files(folder: Path) -> list[Path]:
    return sorted(path for path in folder.rglob("*") if path.is_file() and path.name != "job.json")


def _about(path: Path) -> dict[str, Any]:
    with path.open("rb") as file:
        digest = hashlib.file_digest(file, "sha256").hexdigest()
    return {"bytes": path.stat().st_size, "sha256": digest}


def checked(folder: Path) -> dict[str, Any]:
    """Check all files of a job against `job.json`; return its content.

    Raises:
        ModelError: a file is missing or damaged.
    """
    index = folder / "job.json"
    try:
        about: dict[str, Any] = json.loads(index.read_text(encoding="utf-8"))
        files, known = about["files"], about["format"] == FORMAT
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise ModelError(f"{index}: not a packed job ({error}): run `pack-gpu-job`") from error
    if not known:
        raise ModelError(f"{index}: format {about['format']}, not {FORMAT}: pack the job again")
    for name, wanted in files.items():
        path = folder / name
        if not path.is_file() or _about(path) != wanted:
            raise ModelError(f"{path}: missing or damaged: copy the job again")
    return about


def audio_of(folder: Path, kind: str) -> list[Path]:
    """Return the shards of a kind."""
    return sorted((folder / "audio").glob(f"{kind}-*.tar"))


def rooms_of(folder: Path) -> list[np.ndarray]:
    """Return the impulse responses."""
    with np.load(folder / "rooms.npz") as bank:
        return [bank[name] for name in bank.files]
