"""Any folder of recordings; what is said in one stands in a `.txt` of the same name beside it."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from auricle_train.data.layouts.utterance import Utterance, expect

ENDINGS = {".wav", ".flac", ".ogg", ".opus", ".mp3"}


def utterances(source: Path, unpacked: Path) -> Iterator[Utterance]:
    """Yield every recording below the folder; one without a text has an empty one."""
    recordings = sorted(path for path in source.rglob("*") if path.suffix.lower() in ENDINGS)
    expect(recordings, source, f"recordings ({', '.join(sorted(ENDINGS))})")
    for path in recordings:
        text = path.with_suffix(".txt")
        name = "-".join(path.relative_to(source).with_suffix("").parts)
        said = text.read_text(encoding="utf-8") if text.exists() else ""
        yield Utterance(name, path, said, source=source.name)
