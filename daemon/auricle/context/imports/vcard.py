"""Imports contacts from vCard files, versions 2.1 to 4.0 (RFC 6350): FN, N, NICKNAME and UID.

In: the bytes of a file with any number of cards. Out: one entry per card. This module parses vCards
itself: the format is small, and one wrong card must not prevent reading the others. The library
vobject is strict and needs three more dependencies.
"""

from __future__ import annotations

import codecs
import quopri
import re
from collections.abc import Iterator
from pathlib import Path

from auricle.context.imports.imported import Imported
from auricle.errors import ImportedFileError

# [GROUP.]NAME[;PARAMETER...]:VALUE
LINE = re.compile(r'(?:[\w-]+\.)?([\w-]+)((?:;(?:"[^"]*"|[^":;])*)*):(.*)', re.DOTALL)
CHARSET = re.compile(r";CHARSET=([\w-]+)", re.IGNORECASE)
QUOTED_PRINTABLE = re.compile(r";(?:ENCODING=)?QUOTED-PRINTABLE(?:;|$)", re.IGNORECASE)
ESCAPED = re.compile(r"\\(.)", re.DOTALL)

Card = dict[str, list[str]]  # property name -> values, with their escape sequences


def read_vcards(data: bytes, path: Path, into: Imported) -> None:
    """Add the contacts of a file to `into`.

    Raises:
        ImportedFileError: the file contains no vCard.
    """
    cards = 0
    for card in _cards(_decode(data)):
        cards += 1
        _add(card, into)
    if not cards:
        raise ImportedFileError(
            f"{path}: contains no vCard; export contacts as .vcf and name that file"
        )


def _add(card: Card, into: Imported) -> None:
    names = [_part(name) for name in card.get("FN", []) if _part(name).strip()]
    for name in card.get("N", []):
        family, given, *_ = [*_split(name, ";"), "", ""]
        names.append(f"{_part(given)} {_part(family)}".strip())
    nicknames = [_part(one) for listed in card.get("NICKNAME", []) for one in _split(listed, ",")]
    if not names or not names[0]:
        names = nicknames
    written = names[0] if names else ""
    into.add(written, [*names[1:], *nicknames], _part(card.get("UID", [""])[0]))


def _cards(text: str) -> Iterator[Card]:
    card: Card | None = None
    for line in _lines(text):
        found = LINE.match(line)
        if found is None:
            continue
        name, parameters, value = found[1].upper(), found[2], found[3]
        match name, value.strip().upper():
            case "BEGIN", "VCARD":
                card = {}
            case "END", "VCARD":
                if card is not None:
                    yield card
                card = None
            case _:
                if card is not None:
                    card.setdefault(name, []).append(_plain(value, parameters))


def _lines(text: str) -> Iterator[str]:
    """Yield the unfolded lines of a file."""
    line = ""
    for piece in re.split(r"\r\n|\r|\n", text):
        if line.endswith("=") and QUOTED_PRINTABLE.search(line.partition(":")[0]):
            line = line[:-1] + piece.lstrip(" \t")
        elif piece.startswith((" ", "\t")):
            line += piece[1:]
        else:
            yield line
            line = piece
    yield line


def _plain(value: str, parameters: str) -> str:
    """Return a value; decode the quoted-printable encoding of version 2.1."""
    if not QUOTED_PRINTABLE.search(parameters):
        return value
    data = quopri.decodestring(value.encode("latin-1", errors="replace"))
    charset = CHARSET.search(parameters)
    try:
        return data.decode(charset[1] if charset else "utf-8", errors="replace")
    except LookupError:  # an unknown charset
        return data.decode("latin-1")


def _decode(data: bytes) -> str:
    if data.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)):
        return data.decode("utf-16", errors="replace")
    try:
        return data.decode("utf-8-sig")
    except UnicodeDecodeError:  # old telephones write Latin-1
        return data.decode("latin-1")


def _split(value: str, separator: str) -> list[str]:
    """Split a value at the separators that are not escaped."""
    return [
        part.replace("\0", "\\" + separator)
        for part in value.replace("\0", "").replace("\\" + separator, "\0").split(separator)
    ]


def _part(value: str) -> str:
    """Return a value without escape sequences, on one line."""
    return ESCAPED.sub(lambda found: " " if found[1] in "nN" else found[1], value)
