"""Validates and normalizes names from clients and files.

In: text from a client or a file. Out: the normalized name (Unicode NFC, single spaces), or an error
with the field, the value and the remedy. All later code relies on the normalized form.
"""

from __future__ import annotations

import math
import re
import unicodedata
from collections.abc import Iterable, Sequence
from typing import TypeAlias

from auricle.config.mistakes import shown
from auricle.context.entries import LONGEST_NAME, Entry
from auricle.errors import (
    ArgumentError,
    InvalidNameError,
    NameTooLongError,
    TooManySpokenFormsError,
)

MOST_SPOKEN = 8  # spoken forms per entry
MOST_WEIGHT = 10.0
# Longer text is rejected unread. It is more than LONGEST_NAME because white space is collapsed.
LONGEST_TEXT = 4 * LONGEST_NAME
LINE_BREAKS = frozenset("\n\v\f\r\x1c\x1d\x1e\x85\u2028\u2029")
KIND = re.compile(r"[a-z][a-z0-9_-]{0,31}")

# An entry on D-Bus: (written form, spoken forms, weight, id).
Given: TypeAlias = tuple[str, Sequence[str], float, str]


def clean_name(text: str, field: str) -> str:
    """Return the normalized form of a name.

    Args:
        text: the name.
        field: the field for the error message, such as `entries[3].spoken[0]`.

    Raises:
        NameTooLongError: the name has more than LONGEST_NAME characters.
        InvalidNameError: the name is blank, or contains a line break, a control character or a
            surrogate.
    """
    if len(text) > LONGEST_TEXT:
        raise _too_long(text, field)
    plain = text.isascii() and text.isprintable()
    name = " ".join((text if plain else _checked(text, field)).split())
    if not name or not (plain or any(map(_is_seen, name))):
        raise InvalidNameError(f"{field}: {shown(text)!r}: is blank; give a name")
    if len(name) > LONGEST_NAME:
        raise _too_long(text, field)
    return name


def clean_kind(text: str) -> str:
    """Return `text` if it is a valid kind.

    Raises:
        ArgumentError: it is not.
    """
    if not KIND.fullmatch(text):
        raise ArgumentError(
            f"kind: {shown(text)!r}: is not a kind of names; give contacts, appliances, media, or "
            "another word of up to 32 characters from a-z, 0-9, - and _"
        )
    return text


def read_entries(kind: str, given: Iterable[Given]) -> tuple[Entry, ...]:
    """Return normalized entries; an error names the index of the first invalid one.

    Raises:
        ArgumentError: the kind is not a valid word, or a weight is out of range.
        NameTooLongError, InvalidNameError: see `clean_name`.
        TooManySpokenFormsError: an entry has more than MOST_SPOKEN spoken forms.
    """
    kind = clean_kind(kind)
    return tuple(_read_entry(kind, entry, f"entries[{index}]") for index, entry in enumerate(given))


def _read_entry(kind: str, given: Given, field: str) -> Entry:
    written, spoken, weight, identity = given
    if len(spoken) > MOST_SPOKEN:
        raise TooManySpokenFormsError(
            f"{field}.spoken: {len(spoken)} forms are too many; give up to {MOST_SPOKEN}"
        )
    if not (math.isfinite(weight) and 0 <= weight <= MOST_WEIGHT):
        raise ArgumentError(f"{field}.weight: {weight:g}: give a number from 0 to {MOST_WEIGHT:g}")
    name = clean_name(written, f"{field}.written")
    forms = [clean_name(form, f"{field}.spoken[{index}]") for index, form in enumerate(spoken)]
    return Entry(
        kind=kind,
        written=name,
        spoken=tuple(form for form in dict.fromkeys(forms) if form != name),
        weight=weight,
        id=clean_name(identity, f"{field}.id") if identity else "",
    )


def _checked(text: str, field: str) -> str:
    """Return `text` in NFC, or raise InvalidNameError; tabs are allowed as white space."""
    for character in text:
        if character in LINE_BREAKS:
            wrong = f"contains a line break (U+{ord(character):04X}); write each name on one line"
        elif character == "\t":
            continue
        else:
            match unicodedata.category(character):
                case "Cc":
                    wrong = f"contains the control character U+{ord(character):04X}; remove it"
                case "Cs":
                    wrong = f"contains a surrogate (U+{ord(character):04X}); send valid Unicode"
                case _:
                    continue
        raise InvalidNameError(f"{field}: {shown(text)!r}: {wrong}")
    return unicodedata.normalize("NFC", text)


def _is_seen(character: str) -> bool:
    """Return whether a character is visible by itself; joiners and direction marks are not."""
    return unicodedata.category(character) not in ("Cf", "Zs", "Mn", "Me")


def _too_long(text: str, field: str) -> NameTooLongError:
    return NameTooLongError(
        f"{field}: {shown(text[:LONGEST_TEXT])!r}: has more than {LONGEST_NAME} characters; "
        "shorten it"
    )
