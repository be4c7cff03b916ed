"""Caches the texts of peers in a file, because peers are slow and deterministic.

In: a peer and samples. Out: its text and processor time, from the file if possible. An interrupted
run resumes, and later bundles are compared with the same peers without running them again. The file
has one JSON object per line.
"""

from __future__ import annotations

import json
import time
from dataclasses import asdict, dataclass
from hashlib import sha256
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from auricle.errors import ArgumentError
from auricle_train.evaluation.peers import Peer


@dataclass(frozen=True)
class Told:
    """The text of a peer for a recording."""

    text: str
    compute_seconds: float  # of one processor


class Readings:
    """The cached texts, in memory and optionally in a file."""

    def __init__(self, path: Path | None = None) -> None:
        """Read the file if it exists.

        Raises:
            ArgumentError: the file has other content.
        """
        self._path = path
        self._told: dict[tuple[str, str], Told] = {}
        lines = path.read_text("utf-8").splitlines() if path and path.exists() else []
        for number, line in enumerate(lines, 1):
            try:
                entry = json.loads(line)
                key = entry["peer"], entry["samples"]
                self._told[key] = Told(entry["text"], entry["compute_seconds"])
            except (ValueError, KeyError, TypeError) as error:
                raise ArgumentError(
                    f"{path}:{number}: no reading of a peer: remove the line, or name another file"
                ) from error

    def of(self, peer: Peer, samples: NDArray[np.int16]) -> Told:
        """Return the text of a peer for (n,) int16 samples at 16 kHz."""
        key = peer.name, sha256(samples.tobytes()).hexdigest()[:16]
        if key not in self._told:
            begin = time.process_time()
            text = peer.read(samples)
            self._told[key] = told = Told(text, time.process_time() - begin)
            self._write({"peer": key[0], "samples": key[1], **asdict(told)})
        return self._told[key]

    def _write(self, entry: dict[str, str | float]) -> None:
        if self._path is not None:
            with self._path.open("a", encoding="utf-8") as file:
                file.write(json.dumps(entry) + "\n")
