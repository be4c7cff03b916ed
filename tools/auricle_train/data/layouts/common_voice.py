"""Common Voice (arXiv:1912.06670): en/clips/*.mp3 and en/{train,dev,test}.tsv."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from auricle_train.data.layouts.utterance import Utterance, expect, read_table


def utterances(source: Path, unpacked: Path) -> Iterator[Utterance]:
    """Yield the validated recordings that belong to a split."""
    folder = source / "en" if (source / "en").is_dir() else source
    tables = [path for split in ("train", "dev", "test")
              if (path := folder / f"{split}.tsv").exists()]  # fmt: skip
    expect(tables and (folder / "clips").is_dir(), source, "train.tsv with a folder clips")
    for path in tables:
        for row in read_table(path):
            yield Utterance(
                Path(row["path"]).stem, folder / "clips" / row["path"], row["sentence"],
                f"cv-{row['client_id'][:16]}", path.stem, "CC0-1.0", "Common Voice",
            )  # fmt: skip
