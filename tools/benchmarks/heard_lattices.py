"""Lattices of recordings, decoded once and cached for repeated experiments.

In: recordings of dev sets, and the mode of the second pass. Out: the transcript and the unpruned
lattice of each clip.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from auricle.config.schema import Config, RecognizerSettings
from auricle.lattice.formats import from_json, to_json
from auricle.lattice.lattice import Lattice
from auricle.offline.transcription import transcribe_whole
from auricle.service.assembly import budget_of, load_models
from auricle_train.data.corpus import read_set
from auricle_train.evaluation.listening import frames
from auricle_train.evaluation.run import choose

WIDEST = 12.0  # lattice beam of the first pass, nats


@dataclass(frozen=True)
class Heard:
    """Transcript and lattice of one clip."""

    place: int  # position in its set
    set_name: str
    said: str
    lattice: Lattice


def hear(
    data: Path, sets: Sequence[str], limit: int, second_pass: str, keep: Path | None
) -> list[Heard]:
    """Return the lattices of dev clips.

    Args:
        data: data folder, see `auricle_train.data.corpus`.
        sets: names of sets.
        limit: maximum clips per set; 0: all.
        second_pass: off, rescore or full.
        keep: folder that caches the lattices, if any.
    """
    heard: list[Heard] = []
    for name in sets:
        file = None if keep is None else keep / f"{name}-{limit}-{second_pass}.jsonl"
        if file is not None and file.exists():
            heard += _read(file, name)
            continue
        own = list(_decode(data, name, limit, second_pass))
        if file is not None:
            file.parent.mkdir(parents=True, exist_ok=True)
            lines = [json.dumps([one.said, to_json(one.lattice)]) for one in own]
            file.write_text("\n".join(lines) + "\n", encoding="utf-8")
        heard += own
    return heard


def _decode(data: Path, name: str, limit: int, second_pass: str) -> Iterator[Heard]:
    settings = RecognizerSettings(second_pass=second_pass, lattice_beam=WIDEST)  # type: ignore[arg-type]
    config = Config(recognizer=settings)
    recognizer = load_models(config, budget_of(config), wake=False).recognizer
    clips = [clip for clip in read_set(data, name, "dev") if clip.text]
    for place, clip in enumerate(choose(clips, limit)):
        result = transcribe_whole(frames(clip.samples), recognizer).result
        yield Heard(place, name, clip.text, result.lattice)


def _read(file: Path, name: str) -> list[Heard]:
    lines = file.read_text(encoding="utf-8").splitlines()
    pairs = [json.loads(line) for line in lines]
    return [Heard(at, name, said, from_json(text)) for at, (said, text) in enumerate(pairs)]
