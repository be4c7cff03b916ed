"""Finds the recordings that cannot be read before a command loads its models."""

from __future__ import annotations

import sys
from collections.abc import Iterable
from pathlib import Path

from auricle.audio.file import FileSource
from auricle.errors import AudioError

STANDARD_INPUT = Path("-")  # read once, so that it cannot be checked before


def readable_recordings(files: Iterable[Path]) -> list[Path]:
    """Return the files that can be opened as audio; print an error for each of the others."""
    readable = []
    for file in files:
        try:
            if file != STANDARD_INPUT:
                with FileSource(file):
                    pass
        except AudioError as error:
            sys.stderr.write(f"auricle: {error}\n")
        else:
            readable.append(file)
    return readable
