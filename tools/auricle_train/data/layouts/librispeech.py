"""LibriSpeech (Panayotov et al., ICASSP 2015): PART/SPEAKER/CHAPTER/*.flac and *.trans.txt."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from auricle_train.data.layouts.utterance import Utterance, expect


def utterances(source: Path, unpacked: Path) -> Iterator[Utterance]:
    """Yield the utterances of all parts found, such as `train-clean-100`."""
    transcripts = sorted(source.rglob("*.trans.txt"))
    expect(transcripts, source, "*.trans.txt, as LibriSpeech does")
    for path in transcripts:
        part, speaker = path.parents[2].name, path.parents[1].name
        for line in path.read_text(encoding="utf-8").splitlines():
            name, _, text = line.partition(" ")
            yield Utterance(
                name, path.with_name(f"{name}.flac"), text, f"ls-{speaker}", part.split("-")[0],
                "CC-BY-4.0", f"LibriSpeech {part}",
            )  # fmt: skip
