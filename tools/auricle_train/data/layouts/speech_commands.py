"""Speech Commands (arXiv:1804.03209): WORD/SPEAKER_nohash_N.wav, and lists for dev and test."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from auricle_train.data.layouts.utterance import Utterance, expect

LISTS = {"validation_list.txt": "dev", "testing_list.txt": "test"}


def utterances(source: Path, unpacked: Path) -> Iterator[Utterance]:
    """Yield the recordings of words, without `_background_noise_`."""
    expect(all((source / name).exists() for name in LISTS), source, " and ".join(LISTS))
    splits = {line: split for name, split in LISTS.items()
              for line in (source / name).read_text(encoding="utf-8").split()}  # fmt: skip
    for path in sorted(source.glob("[!_]*/*.wav")):
        word, speaker = path.parent.name, path.name.split("_")[0]
        split = splits.get(f"{word}/{path.name}", "train")
        yield Utterance(
            f"{word}_{path.stem}", path, word, f"sc-{speaker}", split, "CC-BY-4.0",
            "Speech Commands",
        )  # fmt: skip
