"""The result of an import: entries of one kind, and the number of names that were left out.

The user cannot easily correct the data of another program. A blank or too long name is therefore
left out and counted, whereas a file of names with such a mistake is rejected.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field

from auricle.context.entries import Entry
from auricle.context.validation import LONGEST_TEXT, MOST_SPOKEN, clean_name
from auricle.errors import InvalidNameError, NameTooLongError


@dataclass(slots=True)
class Imported:
    """Collects the entries of an import."""

    kind: str
    source: str  # default source under which they are stored
    left_out: int = 0  # number of invalid names and unreadable files
    _entries: dict[tuple[str, str], Entry] = field(default_factory=dict)

    @property
    def entries(self) -> tuple[Entry, ...]:
        """The collected entries, without duplicates."""
        return tuple(self._entries.values())

    def add(self, written: str, spoken: Iterable[str] = (), id: str = "") -> None:
        """Add an entry, or count it as left out if its name is invalid."""
        name = _clean(written)
        if name is None:
            self.left_out += 1
            return
        forms: dict[str, None] = {}
        for form in map(_clean, filter(None, spoken)):
            if len(forms) == MOST_SPOKEN:
                break
            if form and form != name:
                forms[form] = None
        identity = _clean(id) or ""
        self._entries.setdefault(
            (name, identity), Entry(self.kind, name, spoken=tuple(forms), id=identity)
        )


def _clean(text: str) -> str | None:
    """Return the normalized name, with its lines joined; None if it is invalid."""
    try:
        return clean_name(" ".join(text[: LONGEST_TEXT + 1].splitlines()), "name")
    except (InvalidNameError, NameTooLongError):
        return None
