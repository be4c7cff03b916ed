"""The values of a context: entries, each a name that the user may say.

Names of contacts, appliances and songs are often missing from the training data of the recognizer.
Clients provide them as a context, and contextual biasing favours them in the search.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

KINDS = ("contacts", "appliances", "media")  # the kinds that commands use; others are allowed
LONGEST_NAME = 200  # characters


@dataclass(frozen=True, slots=True)
class Entry:
    """A name that the user may say."""

    kind: str  # one of KINDS, or another word
    written: str  # written form, 1 to LONGEST_NAME characters on one line
    spoken: tuple[str, ...] = ()  # spoken forms that do not follow from the written form
    weight: float = 1.0  # factor of the biasing bonus; 0: recognized as a name, but not favoured
    id: str = ""  # identifier of the client; may be empty


@dataclass(frozen=True, slots=True)
class Context:
    """Entries in the order in which clients provided them; immutable."""

    entries: Sequence[Entry] = ()

    def of(self, kind: str) -> tuple[Entry, ...]:
        """Return the entries of a kind."""
        return tuple(entry for entry in self.entries if entry.kind == kind)
