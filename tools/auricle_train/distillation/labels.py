"""The file of labels: the readings of all teachers for each clip, one JSON object per line.

In: labels, one shard at a time. Out: labels, and the names of the labelled clips. Each shard is
added in one write and synced to disk. If a killed run leaves an incomplete last line, the next run
removes it, so a killed run loses at most one shard.
"""

from __future__ import annotations

import json
import os
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path

from auricle.errors import StorageError
from auricle_train.distillation.agreement import disagreement, error_rate
from auricle_train.distillation.teacher import Reading


@dataclass(frozen=True)
class Label:
    """The transcript of a clip and its readings by the teachers."""

    clip: str
    origin: str  # set or manifest of the clip
    seconds: float
    transcript: str  # normalised; empty if unknown
    readings: tuple[Reading, ...]

    @property
    def disagreement(self) -> float | None:
        """Word error rate between the teachers, 0 to 1; None for a single teacher."""
        return disagreement([reading.text for reading in self.readings])

    @property
    def errors(self) -> list[float] | None:
        """Word error rate of each teacher against the transcript; None without transcript."""
        if not self.transcript:
            return None
        return [error_rate(self.transcript, reading.text) for reading in self.readings]

    def line(self) -> str:
        """Return the label as a line of the file; the rates are included for other programs."""
        rates = {"disagreement": self.disagreement, "errors": self.errors}
        return json.dumps(asdict(self) | rates) + "\n"

    @classmethod
    def parse(cls, line: str) -> Label:
        """Return the label of a line."""
        row = json.loads(line)
        readings = tuple(Reading(**reading) for reading in row["readings"])
        return cls(row["clip"], row["origin"], row["seconds"], row["transcript"], readings)


def read_labels(path: Path) -> Iterator[Label]:
    """Yield the labels of a file.

    Raises:
        StorageError: a line is not a label.
    """
    with path.open(encoding="utf-8") as file:
        for number, line in enumerate(file, 1):
            try:
                yield Label.parse(line)
            except (ValueError, KeyError, TypeError) as error:
                raise StorageError(
                    f"{path}:{number}: not a label: run `label` again, which removes an incomplete "
                    "last line, or delete the line"
                ) from error


def join_labels(files: Sequence[Path]) -> Iterator[Label]:
    """Yield the labels of clips that are in every file, with the readings of all files.

    This lets teachers read the same clips in separate runs. Clips missing in a file are skipped.

    Raises:
        StorageError: a line is not a label.
    """
    first, *others = ({label.clip: label for label in read_labels(path)} for path in files)
    for name, label in first.items():
        found = [labels[name] for labels in others if name in labels]
        if len(found) == len(others):
            more = (reading for other in found for reading in other.readings)
            yield replace(label, readings=(*label.readings, *more))


class LabelFile:
    """Adds labels to a new or existing file."""

    def __init__(self, path: Path) -> None:
        self._path = path
        path.parent.mkdir(parents=True, exist_ok=True)
        if path.exists():
            _cut_incomplete_line(path)
        self.done = {label.clip for label in read_labels(path)} if path.exists() else set()

    def add(self, labels: Sequence[Label]) -> None:
        """Append a shard and sync it to disk."""
        with self._path.open("a", encoding="utf-8") as file:
            file.write("".join(label.line() for label in labels))
            file.flush()
            os.fsync(file.fileno())
        self.done |= {label.clip for label in labels}


def _cut_incomplete_line(path: Path) -> None:
    content = path.read_bytes()
    whole = content.rfind(b"\n") + 1
    if whole < len(content):
        os.truncate(path, whole)
