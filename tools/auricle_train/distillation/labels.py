"""The file of labels: what each teacher read in each clip, one JSON object a line.

In: labels, a shard at a time. Out: labels, and the names of the clips that are done. A shard is
added in one write and flushed to the disk; a line that a killed run left unfinished is cut off
when the file is opened again, so that such a run loses one shard at most and breaks none.
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
    """A clip in the ears of its teachers."""

    clip: str
    origin: str  # the set or manifest that holds it
    seconds: float
    transcript: str  # normalised; empty when there is none
    readings: tuple[Reading, ...]

    @property
    def disagreement(self) -> float | None:
        """Word error rate between the teachers, 0 to 1; nothing for a single teacher."""
        return disagreement([reading.text for reading in self.readings])

    @property
    def errors(self) -> list[float] | None:
        """Word error rate of each teacher against the transcript, where there is one."""
        if not self.transcript:
            return None
        return [error_rate(self.transcript, reading.text) for reading in self.readings]

    def line(self) -> str:
        """Return it as a line of the file; the rates are there for other readers."""
        rates = {"disagreement": self.disagreement, "errors": self.errors}
        return json.dumps(asdict(self) | rates) + "\n"

    @classmethod
    def parse(cls, line: str) -> Label:
        """Return what `line` wrote."""
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
                    f"{path}:{number}: not a label: run `label` once more, which mends a last line "
                    "cut short, or delete the line"
                ) from error


def join_labels(files: Sequence[Path]) -> Iterator[Label]:
    """Yield the labels of clips that every file holds, with the readings of all files.

    Teachers can thus read the same clips in separate runs; clips that one of them has not read yet
    are skipped.

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
    """Adds labels to a file that an earlier run may have begun."""

    def __init__(self, path: Path) -> None:
        self._path = path
        path.parent.mkdir(parents=True, exist_ok=True)
        if path.exists():
            _cut_torn_line(path)
        self.done = {label.clip for label in read_labels(path)} if path.exists() else set()

    def add(self, labels: Sequence[Label]) -> None:
        """Append a shard and wait until the disk has it."""
        with self._path.open("a", encoding="utf-8") as file:
            file.write("".join(label.line() for label in labels))
            file.flush()
            os.fsync(file.fileno())
        self.done |= {label.clip for label in labels}


def _cut_torn_line(path: Path) -> None:
    content = path.read_bytes()
    whole = content.rfind(b"\n") + 1
    if whole < len(content):
        os.truncate(path, whole)
