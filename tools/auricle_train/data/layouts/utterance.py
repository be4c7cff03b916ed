"""The utterances yielded by layouts: a recording and its text, as given by the corpus."""

from __future__ import annotations

import csv
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from auricle.errors import AuricleError


class LayoutError(AuricleError):
    """A folder does not match its layout."""

    name = "InvalidLayout"


@dataclass(frozen=True)
class Utterance:
    """One recording, unchecked."""

    name: str  # unique in its corpus
    audio: Path
    text: str  # as in the corpus
    speaker: str = ""  # unique across corpora; empty if unknown
    split: str = ""  # train, dev or test; empty: chosen by speaker
    licence: str = ""  # empty if unknown
    source: str = ""  # corpus, and the author if the licence requires it


def read_table(
    path: Path, separator: str = "\t", *, quoted: bool = False
) -> Iterator[dict[str, str]]:
    """Yield the rows of a table with a header; missing cells are empty."""
    quoting = csv.QUOTE_MINIMAL if quoted else csv.QUOTE_NONE
    with path.open(encoding="utf-8-sig", newline="") as lines:
        for row in csv.DictReader(lines, delimiter=separator, quoting=quoting):
            yield {key: value or "" for key, value in row.items() if isinstance(value, str | None)}


def expect(found: object, source: Path, what: str) -> None:
    """Raise LayoutError if nothing was found.

    Args:
        found: search result; false if nothing was found.
        source: searched folder.
        what: missing files, named in the error.
    """
    if not found:
        raise LayoutError(f"source: {source} has no {what}; name the folder of the corpus, or "
                          "another --layout")  # fmt: skip
