"""Synthesises clips from texts, and writes their manifest.

In: texts, a voice engine, a seed. Out: a folder with recordings at 16 kHz; `clips.tsv`, which gets
a row after each clip; and `synthetic.jsonl.gz`, a manifest like those of `manifests`. An
interrupted run can be resumed, because text and manner of a clip depend only on seed and number.
"""

from __future__ import annotations

import hashlib
import os
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import soundfile
import soxr

from auricle.features import SAMPLE_RATE
from auricle_train.data.layouts import table
from auricle_train.data.layouts.utterance import LayoutError, read_table
from auricle_train.data.lhotse_manifests import Report, write_manifest
from auricle_train.synthesis.engine import Engine, Speech
from auricle_train.text.normalizer import normalize

COLUMNS = ("path", "text", "speaker", "split", "licence", "source")
FORMATS = {"opus": ("OGG", "OPUS"), "flac": ("FLAC", "PCM_16")}
LONGEST = 300  # maximum letters of a text
HEADER = "kind\ttext\tsay"  # header of a table written by `make-texts`
CARRIERS = (
    "call {}", "phone {} please", "send a message to {}", "what is the number of {}",
    "remind me to write to {}", "play something by {}", "is {} at home", "{}",
)  # fmt: skip


@dataclass(frozen=True)
class Line:
    """A text to synthesise."""

    text: str  # normalised transcript
    say: str  # input of the engine: "jay oh" for "j o"


@dataclass(frozen=True)
class Order:
    """Which clips to make."""

    engine: str  # name of the engine, used in file names
    count: int  # number of clips
    first: int = 0  # number of the first clip, so that several machines can share the work
    dev_share: float = 0.1
    seed: int = 1
    format: str = "opus"


def read_texts(path: Path) -> list[str]:
    """Return the transcripts of `read_lines`."""
    return [line.text for line in read_lines(path)]


def read_lines(path: Path) -> list[Line]:
    """Read texts from lines, from the last column of a `.tsv`, or from a table of `make-texts`.

    Texts of more than `LONGEST` letters are skipped, because engines limit the length.

    Raises:
        LayoutError: the file has no usable text.
    """
    rows = path.read_text(encoding="utf-8").splitlines()
    if rows[:1] == [HEADER]:
        found = [Line(*row.split("\t")[1:]) for row in rows[1:]]
    else:
        last = (row.rsplit("\t", 1)[-1] if path.suffix == ".tsv" else row for row in rows)
        found = [Line(text, text) for text in map(normalize, last)]
    lines = [line for line in found if 0 < len(line.text) <= LONGEST]
    if not lines:
        raise LayoutError(f"text: {path} has no usable text; name a file with one text per line")
    return lines


def with_names(names: Sequence[str], generator: np.random.Generator) -> list[str]:
    """Return one random sentence for each name."""
    chosen = generator.integers(len(CARRIERS), size=len(names))
    return [CARRIERS[number].format(name) for number, name in zip(chosen, names, strict=True)]


def synthesize(engine: Engine, lines: Sequence[Line], order: Order, out: Path) -> Report:
    """Synthesise the missing clips, then write the manifest.

    Raises:
        EngineError: the engine fails.
        OSError: the disk is full; finished clips are kept.
    """
    out.mkdir(parents=True, exist_ok=True)
    clips = out / "clips.tsv"
    if not clips.exists():
        clips.write_text("\t".join(COLUMNS) + "\n", encoding="utf-8")
    done = {row["path"] for row in read_table(clips)}
    made, began = 0.0, time.monotonic()
    with clips.open("a", encoding="utf-8") as rows:
        for path, line, split, generator in _jobs(lines, order):
            if path in done:
                continue
            manner = engine.draw(split, generator)
            speech = engine.speak(line.say, manner, generator)
            made += _write(speech, out / path, order.format)
            speaker = f"{order.engine}:{manner.voice}"
            source = f"{order.engine} speed {manner.speed:.2f}"
            row = (path, line.text, speaker, split, engine.licence, source)
            print(*row, sep="\t", file=rows, flush=True)
    spent = max(time.monotonic() - began, 1e-3)
    print(f"{made:.1f} s of speech in {spent:.1f} s: {made / spent:.2f} times real time")
    return write_manifest(table.utterances(clips, out), out / "synthetic.jsonl.gz")


def _jobs(
    lines: Sequence[Line], order: Order
) -> Iterator[tuple[str, Line, str, np.random.Generator]]:
    """Yield (file name, line, split, random generator) for each clip."""
    shuffled = np.random.default_rng(order.seed).permutation(len(lines))
    for number in range(order.first, order.first + order.count):
        line = lines[shuffled[number % len(lines)]]
        generator = np.random.default_rng([order.seed, number])
        split = "dev" if generator.random() < order.dev_share else "train"
        about = f"{order.engine} {order.seed} {number} {split} {line.say}"
        digest = hashlib.sha256(about.encode()).hexdigest()[:16]
        yield f"{order.engine}-{digest}.{order.format}", line, split, generator


def _write(speech: Speech, path: Path, kind: str) -> float:
    """Write speech at 16 kHz, atomically; return its duration in seconds."""
    samples, rate = speech
    if rate != SAMPLE_RATE:
        samples = soxr.resample(samples, rate, SAMPLE_RATE)
    partial = path.with_name(f"partial-{os.getpid()}-{path.name}")
    container, coding = FORMATS[kind]
    soundfile.write(
        partial, np.clip(samples, -1.0, 1.0), SAMPLE_RATE, format=container, subtype=coding
    )
    os.replace(partial, path)
    return len(samples) / SAMPLE_RATE
