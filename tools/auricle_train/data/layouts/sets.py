"""The project's own layout: English speech in sets of `NAME.tar` (ID.opus) and `NAME.tsv`."""

from __future__ import annotations

import tarfile
from collections.abc import Iterator
from pathlib import Path

from auricle_train.data.corpus import BACKGROUND
from auricle_train.data.layouts.utterance import Utterance, expect, read_table


def utterances(source: Path, unpacked: Path) -> Iterator[Utterance]:
    """Yield the English clips of every set; unpack the archives into `unpacked`/NAME."""
    tables = [path for path in sorted(source.glob("*.tsv")) if path.with_suffix(".tar").exists()]
    expect(tables, source, "SET.tsv with a SET.tar")
    for path in tables:
        if path.stem in BACKGROUND:
            continue
        folder = unpacked / path.stem
        _unpack(path.with_suffix(".tar"), folder)
        for row in read_table(path):
            if not row["language"] or row["language"].startswith("en"):
                yield Utterance(
                    f"{path.stem}-{row['id']}", folder / f"{row['id']}.opus", row["text"],
                    row["speaker"], row["split"], row["licence"], row.get("source", path.stem),
                )  # fmt: skip


def _unpack(archive: Path, folder: Path) -> None:
    """Unpack members that are missing or incomplete."""
    folder.mkdir(parents=True, exist_ok=True)
    with tarfile.open(archive) as tar:
        for member in tar:
            target = folder / member.name
            if not target.exists() or target.stat().st_size != member.size:
                tar.extract(member, folder, filter="data")
