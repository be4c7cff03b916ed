"""Finds the recordings that cannot be read before a command loads its models."""

from __future__ import annotations

import sys
from collections.abc import Iterable
from pathlib import Path

from auricle.audio.file import FileSource
from auricle.audio.piped import STANDARD_INPUT
from auricle.errors import AudioError


def readable_recordings(files: Iterable[Path]) -> list[Path]:
    """Return the files that can be opened as audio; print an error for each of the others.

    Standard input is not checked, because it can be read only once.
    """
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
