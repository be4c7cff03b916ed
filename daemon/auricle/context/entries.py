"""What a context is: entries, each a name that a person may say.

The words of a person's life (a contact, a lamp, a song) are those that a recogniser has never
heard. Whoever knows them gives them here; the search favours them where they may stand.
"""

from __future__ import annotations

from dataclasses import dataclass

KINDS = ("contacts", "appliances", "media")  # those that commands know; others may be given too
LONGEST_NAME = 200  # characters


@dataclass(frozen=True, slots=True)
class Entry:
    """A name that a person may say."""

    kind: str  # one of KINDS, or another word
    written: str  # as its owner writes it: text of 1 to LONGEST_NAME characters on one line
    spoken: tuple[str, ...] = ()  # ways to say it that its writing does not tell
    weight: float = 1.0  # of what it is favoured with; 0: it is known, and not favoured
    id: str = ""  # by which whoever gave it knows it


@dataclass(frozen=True, slots=True)
class Context:
    """Entries in the order in which they were given; a value."""

    entries: tuple[Entry, ...] = ()

    def of(self, kind: str) -> tuple[Entry, ...]:
        """Return the entries of a kind."""
        return tuple(entry for entry in self.entries if entry.kind == kind)
