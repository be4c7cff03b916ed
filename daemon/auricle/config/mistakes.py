"""A mistake in a configuration file, and its message to the user."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from auricle.parsing.limits import shown

__all__ = ["Mistake", "shown"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Mistake:
    """A mistake, its place, and how to correct it."""

    file: Path
    line: int  # from 1; 0: the file as a whole
    remedy: str  # how to correct it
    key: str = ""  # dotted path, such as `audio.channel`; empty if it concerns no key
    value: str = ""  # source text; empty if it concerns no value

    def __str__(self) -> str:
        """Return `FILE:LINE: key.path: value: remedy`."""
        place = f"{self.file}:{self.line}" if self.line else f"{self.file}"
        parts = [place, self.key, self.value, self.remedy]
        return ": ".join(part for part in parts if part)
