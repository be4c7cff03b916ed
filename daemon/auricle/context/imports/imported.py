"""What an import gives: entries of one kind, and how many names were not fit to be one.

A program's own data is not the owner's to mend: a name that is blank or too long is left out and
counted, where a file of names would be refused.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field

from auricle.context.entries import Entry
from auricle.context.validation import LONGEST_TEXT, MOST_SPOKEN, clean_name
from auricle.errors import InvalidNameError, NameTooLongError


@dataclass(slots=True)
class Imported:
    """Entries gathered one by one."""

    kind: str
    source: str  # under which they are kept, unless the owner names another
    left_out: int = 0  # names that cannot be one, or files that cannot be read
    _entries: dict[tuple[str, str], Entry] = field(default_factory=dict)

    @property
    def entries(self) -> tuple[Entry, ...]:
        """What was gathered, each entry once."""
        return tuple(self._entries.values())

    def add(self, written: str, spoken: Iterable[str] = (), id: str = "") -> None:
        """Add an entry, or count it as left out if its name is none."""
        name = _clean(written)
        if name is None:
            self.left_out += 1
            return
        forms = dict.fromkeys(form for form in map(_clean, spoken) if form and form != name)
        known = tuple(forms)[:MOST_SPOKEN]
        identity = _clean(id) or ""
        self._entries.setdefault(
            (name, identity), Entry(self.kind, name, spoken=known, id=identity)
        )


def _clean(text: str) -> str | None:
    """Return a name in its one form, its lines joined; None if it cannot be one."""
    try:
        return clean_name(" ".join(text[: LONGEST_TEXT + 1].splitlines()), "name")
    except (InvalidNameError, NameTooLongError):
        return None
