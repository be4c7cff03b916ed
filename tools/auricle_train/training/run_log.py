"""The log of a run: one JSON object per line, with each step once even in a resumed run.

In: rows with `step`. Out: `log.jsonl`. A full disk delays rows but does not end the run.
"""

from __future__ import annotations

import json
import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

Row = dict[str, Any]


def read_rows(path: Path) -> Iterator[Row]:
    """Yield the rows; skip a row that a kill left incomplete."""
    for line in path.read_text(encoding="utf-8").splitlines():
        try:
            yield json.loads(line)
        except json.JSONDecodeError:
            continue


class RunLog:
    """Appends rows to the log."""

    def __init__(self, path: Path, step: int) -> None:
        """Open the log of a run that continues after `step`; drop rows of later steps."""
        self._path, self._waiting = path, b""
        if path.exists():
            rows = [row for row in read_rows(path) if row["step"] <= step]
            partial = path.with_suffix(".partial")
            partial.write_bytes(b"".join(map(_line, rows)))
            os.replace(partial, path)

    def write(self, row: Row) -> None:
        """Append a row and earlier rows that could not be written.

        Raises:
            OSError: the rows were not written; the next call retries.
        """
        self._waiting += _line(row)
        with self._path.open("ab", buffering=0) as file:
            self._waiting = self._waiting[file.write(self._waiting) :]


def _line(row: Row) -> bytes:
    return json.dumps(row).encode() + b"\n"
