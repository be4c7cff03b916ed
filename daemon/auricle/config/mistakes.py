"""A mistake in a configuration file, and how it is told to its owner."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

SHOWN_CHARACTERS = 60  # of a value: enough to find it, too little to flood the terminal


@dataclass(frozen=True, slots=True, kw_only=True)
class Mistake:
    """One thing that is wrong, where it stands, and what would be right."""

    file: Path
    line: int  # from 1; 0 when the file as a whole is meant
    remedy: str  # what would be right
    key: str = ""  # dotted path, e.g. `audio.channel`; empty when no key is meant
    value: str = ""  # as written; empty when no value is meant

    def __str__(self) -> str:
        """Return `FILE:LINE: key.path: value: what would be right`."""
        place = f"{self.file}:{self.line}" if self.line else f"{self.file}"
        parts = [place, self.key, self.value, self.remedy]
        return ": ".join(part for part in parts if part)


def shown(text: str) -> str:
    """Return a value for a message: on one line, with no control characters, cut when long."""
    line = "".join(character if character.isprintable() else " " for character in text)
    return line if len(line) <= SHOWN_CHARACTERS else line[:SHOWN_CHARACTERS] + "..."
