"""A small corpus for tests: sets of Opus files whose words are tones."""

from __future__ import annotations

import csv
import io
import tarfile
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import soundfile

from testbed.small_top import TONES
from testbed.small_training import tone

COLUMNS = ("id", "seconds", "speaker", "language", "text", "split", "licence")
Line = tuple[str, str, str, str]  # name, words, split, licence


def opus(words: str) -> bytes:
    """Return words as tones with pauses in an Ogg Opus file; without words, a low tone."""
    pause = np.zeros(1600, np.int16)
    tones = [tone(TONES[word], word, 0.3).samples for word in words.split()]
    sound = np.concatenate([pause, *(one for word in tones for one in (word, pause))])
    if not words:
        sound = tone(120, "", 1.0).samples
    content = io.BytesIO()
    soundfile.write(content, sound, 16000, "OPUS", format="OGG")
    return content.getvalue()


def write_set(folder: Path, name: str, lines: Sequence[Line]) -> None:
    """Write a set in the format of `data.corpus`."""
    folder.mkdir(parents=True, exist_ok=True)
    with tarfile.open(folder / f"{name}.tar", "w") as tar:
        for clip, words, _, _ in lines:
            content = opus(words)
            about = tarfile.TarInfo(f"{clip}.opus")
            about.size = len(content)
            tar.addfile(about, io.BytesIO(content))
    with (folder / f"{name}.tsv").open("w", encoding="utf-8", newline="") as file:
        table = csv.writer(file, delimiter="\t", quoting=csv.QUOTE_NONE)
        table.writerow(COLUMNS)
        table.writerows(
            (clip, "1.0", "s", "en", words, split, licence) for clip, words, split, licence in lines
        )
