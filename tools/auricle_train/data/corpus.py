"""Reads data sets: `NAME.tar` with ID.opus files and `NAME.tsv`, in one folder.

In: the folder and the names of sets. Out: clips of a split, with samples in memory. By default only
clips whose licence allows shipping the trained model under Apache-2.0.
"""

from __future__ import annotations

import csv
import io
import tarfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import soundfile
from numpy.typing import NDArray

from auricle.features import SAMPLE_RATE

SPEECH = (
    "kathleen", "librispeech_small", "librispeech_tc100_pseudo", "ljspeech_subset",
    "speechocean762_train", "synthetic_kokoro", "words_speech_commands", "words_custom",
    "commonvoice_en", "commonvoice_en_untranscribed", "an4_words",
)  # fmt: skip
BACKGROUND = ("noise", "music")
SENTENCE_DEV = ("kathleen", "librispeech_small", "ljspeech_subset", "speechocean762_train",
                "commonvoice_en")  # fmt: skip
REAL_DEV = (*SENTENCE_DEV, "words_speech_commands")  # fmt: skip
FORBIDDEN = ("BY-SA", "GPL", "not stated", "NC")  # parts of the names of excluded licences


@dataclass(frozen=True)
class Clip:
    """One recording."""

    name: str
    samples: NDArray[np.int16]  # (n,) 16 kHz
    text: str  # normalised; empty for background sounds
    speaker: str  # empty if unknown
    written: str = ""  # with capitals and punctuation, target of the second pass


def is_allowed(licence: str) -> bool:
    """Return whether a model trained on clips with this licence may be shipped."""
    return not any(part in licence for part in FORBIDDEN)


def read_table(
    folder: Path, name: str, split: str, *, to_ship: bool = True
) -> list[dict[str, str]]:
    """Return the table rows of the clips that `read_set` yields, without decoding audio."""
    with (folder / f"{name}.tsv").open(encoding="utf-8") as table:
        rows = list(csv.DictReader(table, delimiter="\t", quoting=csv.QUOTE_NONE))
    return [
        row
        for row in rows
        if row["split"] == split
        and (not to_ship or is_allowed(row["licence"]))
        and (not row["language"] or row["language"].startswith("en"))
    ]


def read_set(folder: Path, name: str, split: str, *, to_ship: bool = True) -> Iterator[Clip]:
    """Yield the English clips of one set and split ("train" or "dev").

    Clips of unknown language count as English. `to_ship` skips clips whose licence forbids shipping
    the trained model; turn it off for evaluation only.
    """
    rows = read_table(folder, name, split, to_ship=to_ship)
    with tarfile.open(folder / f"{name}.tar") as tar:
        for row in rows:
            member = tar.extractfile(row["id"] + ".opus")
            if member is None:
                raise ValueError(f"{name}.tar: {row['id']}.opus is not a file")
            samples, rate = soundfile.read(io.BytesIO(member.read()), dtype="int16")
            if rate != SAMPLE_RATE or samples.ndim != 1:
                raise ValueError(f"{name}.tar: {row['id']}.opus: not mono at {SAMPLE_RATE} Hz")
            text = "" if name in BACKGROUND else row["text"]
            yield Clip(row["id"], samples, text, row["speaker"])


def read_transcripts(folder: Path) -> list[str]:
    """Return the transcripts of all training clips."""
    rows = (row for name in SPEECH for row in read_table(folder, name, "train"))
    return [row["text"] for row in rows if row["text"]]


def read_texts(folder: Path) -> list[str]:
    """Return the sentences of `text/texts.tsv` (source, text)."""
    lines = (folder / "text" / "texts.tsv").read_text(encoding="utf-8").splitlines()
    return [line.split("\t", 1)[1] for line in lines]
