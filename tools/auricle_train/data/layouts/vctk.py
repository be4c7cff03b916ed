"""VCTK: txt/pNNN/*.txt, and wav48_silence_trimmed/pNNN/*_mic1.flac or wav48/pNNN/*.wav."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from auricle_train.data.layouts.utterance import Utterance, expect


def utterances(source: Path, unpacked: Path) -> Iterator[Utterance]:
    """Yield the recordings of the first microphone, which exist for every speaker."""
    texts = sorted((source / "txt").glob("*/*.txt"))
    expect(texts, source, "txt/SPEAKER/*.txt, as VCTK does")
    trimmed = source / "wav48_silence_trimmed"
    for path in texts:
        speaker, name = path.parent.name, path.stem
        if trimmed.is_dir():
            audio = trimmed / speaker / f"{name}_mic1.flac"
        else:
            audio = source / "wav48" / speaker / f"{name}.wav"
        yield Utterance(name, audio, path.read_text(encoding="utf-8"), f"vctk-{speaker}",
                        licence="CC-BY-4.0", source="VCTK")  # fmt: skip
