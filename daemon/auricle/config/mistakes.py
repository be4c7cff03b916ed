"""A mistake in a configuration file, and its message to the user."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

SHOWN_CHARACTERS = 60  # longest value in a message


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


def shown(text: str) -> str:
    """Return a value for a message: on one line, without control characters, shortened."""
    line = "".join(character if character.isprintable() else " " for character in text)
    return line if len(line) <= SHOWN_CHARACTERS else line[:SHOWN_CHARACTERS] + "..."
