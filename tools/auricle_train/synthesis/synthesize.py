"""Makes clips of spoken text, and their manifest.

In: texts, a voice engine, a seed. Out: a folder of recordings at 16 kHz, `clips.tsv`, which gets a
row as each is done, and `synthetic.jsonl.gz`, a manifest as `manifests` makes it. An interrupted
run goes on: what a clip says and how depends on the seed and its number alone.
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
from auricle_train.layouts import table
from auricle_train.layouts.utterance import LayoutError, read_table
from auricle_train.manifests import Report, write_manifest
from auricle_train.normalizer import normalize
from auricle_train.synthesis.engine import Engine, Speech

COLUMNS = ("path", "text", "speaker", "split", "licence", "source")
FORMATS = {"opus": ("OGG", "OPUS"), "flac": ("FLAC", "PCM_16")}
LONGEST = 300  # letters of a text
CARRIERS = (
    "call {}", "phone {} please", "send a message to {}", "what is the number of {}",
    "remind me to write to {}", "play something by {}", "is {} at home", "{}",
)  # fmt: skip


@dataclass(frozen=True)
class Order:
    """What is to be made."""

    engine: str  # its name, for file names
    count: int  # clips
    first: int = 0  # number of the first of them: several machines can share the work
    dev_share: float = 0.1
    seed: int = 1
    format: str = "opus"


def read_texts(path: Path) -> list[str]:
    """Return the texts of a file, normalised: lines, or the last column of a `.tsv`.

    Texts longer than a sentence are left out: engines have limits of their own.

    Raises:
        LayoutError: there are none.
    """
    lines = path.read_text(encoding="utf-8").splitlines()
    if path.suffix == ".tsv":
        lines = [line.rsplit("\t", 1)[-1] for line in lines]
    texts = [text for line in lines if 0 < len(text := normalize(line)) <= LONGEST]
    if not texts:
        raise LayoutError(f"text: {path} holds no words; name a file with a text a line")
    return texts


def with_names(names: Sequence[str], generator: np.random.Generator) -> list[str]:
    """Return a sentence for each name."""
    chosen = generator.integers(len(CARRIERS), size=len(names))
    return [CARRIERS[number].format(name) for number, name in zip(chosen, names, strict=True)]


def synthesize(engine: Engine, texts: Sequence[str], order: Order, out: Path) -> Report:
    """Make what is not there yet, then write the manifest.

    Raises:
        EngineError: the engine cannot speak.
        OSError: the disk is full; nothing that is done is lost.
    """
    out.mkdir(parents=True, exist_ok=True)
    clips = out / "clips.tsv"
    if not clips.exists():
        clips.write_text("\t".join(COLUMNS) + "\n", encoding="utf-8")
    done = {row["path"] for row in read_table(clips)}
    made, began = 0.0, time.monotonic()
    with clips.open("a", encoding="utf-8") as rows:
        for path, text, split, generator in _jobs(texts, order):
            if path in done:
                continue
            manner = engine.draw(split, generator)
            speech = engine.speak(text, manner, generator)
            made += _write(speech, out / path, order.format)
            speaker = f"{order.engine}:{manner.voice}"
            source = f"{order.engine} speed {manner.speed:.2f}"
            print(
                path, text, speaker, split, engine.licence, source, sep="\t", file=rows, flush=True
            )
    spent = max(time.monotonic() - began, 1e-3)
    print(f"{made:.1f} s of speech in {spent:.1f} s: {made / spent:.2f} s a second")
    return write_manifest(table.utterances(clips, out), out / "synthetic.jsonl.gz")


def _jobs(
    texts: Sequence[str], order: Order
) -> Iterator[tuple[str, str, str, np.random.Generator]]:
    """Yield (file name, text, split, random generator) of each clip."""
    shuffled = np.random.default_rng(order.seed).permutation(len(texts))
    for number in range(order.first, order.first + order.count):
        text = texts[shuffled[number % len(texts)]]
        generator = np.random.default_rng([order.seed, number])
        split = "dev" if generator.random() < order.dev_share else "train"
        about = f"{order.engine} {order.seed} {number} {split} {text}"
        digest = hashlib.sha256(about.encode()).hexdigest()[:16]
        yield f"{order.engine}-{digest}.{order.format}", text, split, generator


def _write(speech: Speech, path: Path, kind: str) -> float:
    """Write speech at 16 kHz, atomically; return its seconds."""
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
