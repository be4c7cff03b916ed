"""What a layout yields: where a recording is and what is said in it, as the corpus has it."""

from __future__ import annotations

import csv
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from auricle.errors import AuricleError


class LayoutError(AuricleError):
    """A folder is not laid out as its layout says."""

    name = "InvalidLayout"


@dataclass(frozen=True)
class Utterance:
    """One recording; nothing is checked yet."""

    name: str  # unique in its corpus
    audio: Path
    text: str  # as the corpus writes it
    speaker: str = ""  # unique over all corpora; empty when not known
    split: str = ""  # train, dev or test; empty: to be chosen by speaker
    licence: str = ""  # empty when not known
    source: str = ""  # corpus and, where the licence asks for it, author


def read_table(
    path: Path, separator: str = "\t", *, quoted: bool = False
) -> Iterator[dict[str, str]]:
    """Yield the rows of a table with a header; cells that are missing are empty."""
    quoting = csv.QUOTE_MINIMAL if quoted else csv.QUOTE_NONE
    with path.open(encoding="utf-8-sig", newline="") as lines:
        for row in csv.DictReader(lines, delimiter=separator, quoting=quoting):
            yield {key: value or "" for key, value in row.items() if isinstance(value, str | None)}


def expect(found: object, source: Path, what: str) -> None:
    """Raise LayoutError where nothing was found.

    Args:
        found: anything; false when it is not there.
        source: the folder that was looked in.
        what: should be in it.
    """
    if not found:
        raise LayoutError(f"source: {source} holds no {what}; name the corpus's own folder, or "
                          "another --layout")  # fmt: skip
