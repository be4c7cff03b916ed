"""Any folder of recordings, each with its text in a `.txt` file of the same name."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from auricle_train.data.layouts.utterance import Utterance, expect

ENDINGS = {".wav", ".flac", ".ogg", ".opus", ".mp3"}


def utterances(source: Path, unpacked: Path) -> Iterator[Utterance]:
    """Yield all recordings below the folder; the text is empty if there is no `.txt` file."""
    recordings = sorted(path for path in source.rglob("*") if path.suffix.lower() in ENDINGS)
    expect(recordings, source, f"recordings ({', '.join(sorted(ENDINGS))})")
    for path in recordings:
        text = path.with_suffix(".txt")
        name = "-".join(path.relative_to(source).with_suffix("").parts)
        said = text.read_text(encoding="utf-8") if text.exists() else ""
        yield Utterance(name, path, said, source=source.name)
