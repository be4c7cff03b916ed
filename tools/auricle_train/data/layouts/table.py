"""Any table of recordings and their texts, CSV or TSV.

Required columns are `path`, relative to the table or absolute, and `text`. Optional columns are
`speaker`, `split`, `licence` and `source`.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from auricle_train.data.layouts.utterance import LayoutError, Utterance, read_table


def utterances(source: Path, unpacked: Path) -> Iterator[Utterance]:
    """Yield the rows of a table, or of the only table in a folder."""
    tables = [source] if source.is_file() else [*source.glob("*.csv"), *source.glob("*.tsv")]
    if len(tables) != 1:
        raise LayoutError(f"source: {source} has {len(tables)} tables; name one .csv or .tsv")
    commas = tables[0].suffix.lower() == ".csv"
    for number, row in enumerate(read_table(tables[0], "," if commas else "\t", quoted=commas)):
        if not {"path", "text"} <= row.keys():
            raise LayoutError(f"source: {tables[0]} needs the columns path and text in its header")
        path = tables[0].parent / row["path"]
        known = {key: row.get(key, "") for key in ("speaker", "split", "licence")}
        yield Utterance(
            f"{number:07}-{path.stem}", path, row["text"],
            source=row.get("source") or tables[0].stem, **known,
        )  # fmt: skip
