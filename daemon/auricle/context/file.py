"""A context from a file.

In: a YAML file with the lists `contacts`, `appliances` and `media`, each of which may be missing.
Out: a `Context`, or every mistake in the file with its line.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from auricle.config.checks import Several, UnfitError, refuse
from auricle.config.document import Value, read_document
from auricle.config.mistakes import Mistake, shown
from auricle.context.entries import KINDS, LONGEST_NAME, Context, Entry
from auricle.errors import ConfigError

MAXIMUM_BYTES = 4 * 1024 * 1024  # far more than anyone's contacts and music


@dataclass(frozen=True, slots=True)
class Name:
    """One name."""

    expected: str = (
        f"a name: text of 1 to {LONGEST_NAME} characters on one line (in quotes, if it looks like "
        "a number)"
    )

    def read(self, value: object) -> str:
        """Return the name without white space around it; raise UnfitError if it is none."""
        if not isinstance(value, str):
            raise refuse(self)
        name = value.strip()
        if not (0 < len(name) <= LONGEST_NAME and name.isprintable()):
            raise refuse(self)
        return name


def read_context(path: Path) -> Context:
    """Return the names in a file, none twice within a list.

    Raises:
        ConfigError: with one line for each mistake, `FILE:LINE: key: value: what would be right`.
    """
    document, mistakes = read_document(path, MAXIMUM_BYTES)
    names: dict[str, tuple[str, ...]] = {}
    if document is not None and document.content is not None:
        if not isinstance(document.content, dict):
            remedy = f"must be a mapping of lists: {', '.join(KINDS)}"
            mistakes.append(Mistake(file=path, line=document.line, remedy=remedy))
        else:
            for key, value in document.content.items():
                if key in KINDS:
                    names[key] = _read_list(path, key, value, mistakes)
                else:
                    remedy = f"unknown key; the keys here are {', '.join(KINDS)}"
                    mistakes.append(
                        Mistake(file=path, line=value.line, key=shown(key), remedy=remedy)
                    )
    if mistakes:
        mistakes.sort(key=lambda mistake: mistake.line)
        raise ConfigError("\n".join(map(str, mistakes)))
    return Context(tuple(Entry(kind, name) for kind in KINDS for name in names.get(kind, ())))


def _read_list(path: Path, key: str, value: Value, mistakes: list[Mistake]) -> tuple[str, ...]:
    """Return the names of one list, each once; what is wrong goes to `mistakes`."""
    if value.content is None:
        return ()
    try:
        return tuple(dict.fromkeys(Several(Name()).read(value.plain())))
    except UnfitError as error:
        for fault in error.faults:
            place = value.at(fault.path)
            index = "".join(f"[{step}]" for step in fault.path)
            mistakes.append(
                Mistake(
                    file=path,
                    line=place.line,
                    key=key + index,
                    value=place.text,
                    remedy=fault.remedy,
                )
            )
        return ()
