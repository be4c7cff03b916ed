"""Reads a context from a file.

In: a YAML file with the optional lists `contacts`, `appliances` and `media`. For a single kind, the
file may also be a YAML list, or text with one name per line. An item of a list is a name, or a
mapping such as `{name: Batcave, spoken: [bat cave], weight: 2, id: light.batcave}`.
Out: a `Context`, or all mistakes in the file with their lines.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import cast

from auricle.config.checks import Check, Mapping, Misfit, Real, Several, UnfitError, refuse
from auricle.config.document import Value, mistake_of, read_document, read_text
from auricle.config.mistakes import Mistake, shown
from auricle.context.entries import KINDS, LONGEST_NAME, Context, Entry
from auricle.context.validation import MOST_SPOKEN, MOST_WEIGHT, Given, clean_name
from auricle.errors import ConfigError, InvalidNameError, MalformedError, NameTooLongError
from auricle.parsing.limits import Limits

DEFAULT_KIND = "contacts"  # kind of the names in a file that does not say it
LIMITS = Limits(bytes=4 * 1024 * 1024, nodes=1_000_000)  # far more than any real list of names
# The start of a YAML file: a list, or one of the keys. Any other file has one name per line.
YAML_BEGINS = re.compile(rf"(?:\s*(?:#.*)?\n)*(?:---|-\s|\[|\{{|(?:{'|'.join(KINDS)})\s*:)")


@dataclass(frozen=True, slots=True)
class NamedEntry:
    """Check for one name."""

    expected: str = (
        f"a name: text of 1 to {LONGEST_NAME} characters on one line (in quotes, if it looks like "
        "a number)"
    )

    def read(self, value: object) -> str:
        """Return the normalized name; raise UnfitError if it is not a valid name."""
        if not isinstance(value, str):
            raise refuse(self)
        try:
            return clean_name(value, "name")
        except (InvalidNameError, NameTooLongError) as error:
            raise refuse(self) from error


@dataclass(frozen=True, slots=True)
class SpokenForms:
    """Check for the spoken forms of a name."""

    expected: str = f"a list of up to {MOST_SPOKEN} names"

    def read(self, value: object) -> tuple[str, ...]:
        """Return the forms; raise UnfitError if there are too many, or one is not a valid name."""
        if not isinstance(value, list) or len(value) > MOST_SPOKEN:
            raise refuse(self)
        return Several(NamedEntry()).read(value)


def _given(name: str, spoken: tuple[str, ...] = (), weight: float = 1.0, id: str = "") -> Given:
    return name, tuple(form for form in dict.fromkeys(spoken) if form != name), weight, id


KEYS: dict[str, Check] = {
    "name": NamedEntry(),
    "spoken": SpokenForms(),
    "weight": Real(0, MOST_WEIGHT),
    "id": NamedEntry(),
}


@dataclass(frozen=True, slots=True)
class Item:
    """Check for one entry: a name, or a mapping with the key `name` and optional keys."""

    mapping: Mapping = Mapping(keys=KEYS, required="name", build=_given)
    expected: str = NamedEntry().expected

    def read(self, value: object) -> Given:
        """Return the entry; raise UnfitError if the item is neither."""
        if not isinstance(value, dict):
            return _given(NamedEntry().read(value))
        if "name" not in value:
            raise UnfitError(Misfit((), f"must have the key name; the keys are {', '.join(KEYS)}"))
        return cast("Given", self.mapping.read(value))


def read_context(path: Path) -> Context:
    """Return the names in a YAML file, without duplicates within a list.

    Raises:
        ConfigError: with one line for each mistake, `FILE:LINE: key: value: remedy`.
    """
    document, mistakes = read_document(path, LIMITS)
    names = _read_lists(path, document, mistakes)
    _refuse(mistakes)
    return Context(tuple(entry for kind in KINDS for entry in names.get(kind, ())))


def read_any_context(path: Path, kind: str | None = None) -> Context:
    """Return the names in a file: lists by kind, one YAML list, or text with one name per line.

    Args:
        path: the file.
        kind: the kind to read; None: all kinds of a file with lists, else `DEFAULT_KIND`.

    Raises:
        ConfigError: with one line for each mistake, as in `read_context`.
    """
    if kind is None and _has_kinds(path):
        return read_context(path)
    return Context(read_names(path, kind or DEFAULT_KIND))


def _has_kinds(path: Path) -> bool:
    """Return whether a file is neither one YAML list nor text with one name per line."""
    document, mistakes = read_document(path, LIMITS)
    if document is None:
        return True
    return isinstance(document.content, dict) or bool(mistakes)


def read_names(path: Path, kind: str) -> tuple[Entry, ...]:
    """Return the names of one kind in a file: YAML, or text with one name per line.

    Raises:
        ConfigError: with one line for each mistake, as in `read_context`.
    """
    try:
        text = read_text(path, LIMITS)
    except MalformedError as error:
        raise ConfigError(str(mistake_of(path, error))) from error
    if not YAML_BEGINS.match(text):
        return _read_lines(path, kind, text)
    document, mistakes = read_document(path, LIMITS)
    if document is not None and isinstance(document.content, list):
        lists = {kind: _read_list(path, kind, document, mistakes)}
    else:
        lists = _read_lists(path, document, mistakes)
    _refuse(mistakes)
    if kind not in lists:  # otherwise a file without this kind would clear it by accident
        remedy = f"has no list {kind}; write one, or an empty one: {kind}: []"
        raise ConfigError(str(Mistake(file=path, line=0, remedy=remedy)))
    return lists[kind]


def _read_lines(path: Path, kind: str, text: str) -> tuple[Entry, ...]:
    given: list[Given] = []
    mistakes: list[Mistake] = []
    for number, line in enumerate(text.split("\n"), start=1):
        if not line.strip():
            continue
        try:
            given.append(_given(NamedEntry().read(line.removesuffix("\r"))))
        except UnfitError as error:
            remedy = error.faults[0].remedy
            mistakes.append(Mistake(file=path, line=number, value=shown(line), remedy=remedy))
    _refuse(mistakes)
    return _entries(kind, given)


def _read_lists(
    path: Path, document: Value | None, mistakes: list[Mistake]
) -> dict[str, tuple[Entry, ...]]:
    """Return the lists of a file by kind; append all mistakes to `mistakes`."""
    names: dict[str, tuple[Entry, ...]] = {}
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
    return names


def _read_list(path: Path, key: str, value: Value, mistakes: list[Mistake]) -> tuple[Entry, ...]:
    """Return the entries of one list, without duplicates; append all mistakes to `mistakes`."""
    if value.content is None:
        return ()
    try:
        return _entries(key, Several(Item()).read(value.plain()))
    except UnfitError as error:
        for fault in error.faults:
            place = value.at(fault.path)
            steps = (f"[{step}]" if isinstance(step, int) else f".{step}" for step in fault.path)
            mistakes.append(
                Mistake(
                    file=path,
                    line=place.line,
                    key=key + "".join(steps),
                    value=place.text,
                    remedy=fault.remedy,
                )
            )
        return ()


def _entries(kind: str, given: Iterable[Given]) -> tuple[Entry, ...]:
    """Return entries; of two with the same name and id, the later one counts."""
    entries: dict[tuple[str, str], Entry] = {}
    for name, spoken, weight, identity in given:
        entries[name, identity] = Entry(kind, name, tuple(spoken), weight, identity)
    return tuple(entries.values())


def _refuse(mistakes: list[Mistake]) -> None:
    """Raise ConfigError if there are mistakes."""
    if mistakes:
        mistakes.sort(key=lambda mistake: mistake.line)
        raise ConfigError("\n".join(map(str, mistakes)))
