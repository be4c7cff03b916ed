"""Imports contacts from vCard files, versions 2.1 to 4.0 (RFC 6350): FN, N, NICKNAME and UID.

In: the bytes of a file with any number of cards. Out: one entry per card. A card that cannot be
read is left out and counted; the others are read. The time is linear in the size of the file.

This module parses vCards itself. The library vobject (0.9.9) stops at the first card that has an
unknown charset or no end, and needs four more dependencies.
"""

from __future__ import annotations

import binascii
import codecs
import re
from collections import defaultdict
from collections.abc import Iterator
from pathlib import Path

from auricle.context.imports.charsets import decode, guess
from auricle.context.imports.imported import Imported
from auricle.errors import ImportedFileError

PROPERTIES = frozenset((b"FN", b"N", b"NICKNAME", b"UID"))
MOST_BYTES = 64 * 1024  # of the lines of these properties in one card

PHYSICAL_LINE = re.compile(rb"([^\r\n]*)(?:\r\n?|\n|\Z)")
# Joined files may have byte-order marks between their cards.
MARK = re.compile(rb"(?:\xef\xbb\xbf)?(BEGIN|END):\s*VCARD\s*", re.IGNORECASE)
# [GROUP.]NAME[;PARAMETER...]:VALUE; possessive quantifiers (`++`, `*+`) do not backtrack.
NAME = re.compile(rb"(?:[\w-]++\.)?([\w-]++)")
LINE = re.compile(rb'[\w.-]++((?:;(?:"[^"]*+"|[^":;]++)*+)*+):(.*+)', re.DOTALL)
CHARSET = re.compile(rb';CHARSET="?([\w-]++)', re.IGNORECASE)
QUOTED_PRINTABLE = re.compile(rb";(?:ENCODING=)?QUOTED-PRINTABLE(?=[;:]|\Z)", re.IGNORECASE)
ESCAPED = re.compile(r"\\(.)", re.DOTALL)

Lines = list[tuple[bytes, bytes]]  # property name, line
Card = defaultdict[bytes, list[str]]  # property name -> values, with their escape sequences


def read_vcards(data: bytes, path: Path, into: Imported) -> None:
    """Add the contacts of a file to `into`; count cards that cannot be read as left out.

    Raises:
        ImportedFileError: the file contains no vCard.
    """
    cards = 0
    for lines in _cards(_extending_ascii(data)):
        cards += 1
        try:
            _add(_read(lines), into)
        except LookupError:  # an unknown charset
            into.left_out += 1
    if not cards:
        raise ImportedFileError(
            f"{path}: contains no vCard; export contacts as .vcf and name that file"
        )


def _add(card: Card, into: Imported) -> None:
    names = [_part(name) for name in card[b"FN"] if _part(name).strip()]
    for name in card[b"N"]:
        family, given, *_ = [*_split(name, ";"), "", ""]
        names.append(f"{_part(given)} {_part(family)}".strip())
    nicknames = [_part(one) for listed in card[b"NICKNAME"] for one in _split(listed, ",")]
    if not names or not names[0]:
        names = nicknames
    written = names[0] if names else ""
    into.add(written, [*names[1:], *nicknames], _part([*card[b"UID"], ""][0]))


def _cards(data: bytes) -> Iterator[Lines]:
    """Yield the lines of each card that are read here; no lines if the card is not usable.

    A card ends where the next one begins: it lacks its end, or the other is within it (AGENT). A
    card that the end of the file cuts off, or with more than MOST_BYTES, is not usable.
    """
    lines: Lines | None = None
    size = 0
    for line in _lines(data):
        if mark := MARK.fullmatch(line):
            if lines is not None:
                yield lines if size <= MOST_BYTES else []
            lines, size = ([] if mark[1].upper() == b"BEGIN" else None), 0
        elif lines is not None and (found := NAME.match(line)):
            name = found[1].upper()
            if name in PROPERTIES:
                size += len(line)
                if size <= MOST_BYTES:
                    lines.append((name, line))
    if lines is not None:
        yield []


def _lines(data: bytes) -> Iterator[bytes]:
    """Yield the unfolded lines of a file."""
    line = bytearray()  # grows in place
    quoted_printable = False
    for found in PHYSICAL_LINE.finditer(data):
        piece = found[1]
        if quoted_printable and line.endswith(b"=") and not MARK.fullmatch(piece):
            del line[-1:]
            line += piece.lstrip(b" \t")
        elif piece.startswith((b" ", b"\t")):
            line += piece[1:]
        else:
            if line:
                yield bytes(line)
            line = bytearray(piece)
            quoted_printable = QUOTED_PRINTABLE.search(piece.partition(b":")[0]) is not None
    yield bytes(line)


def _read(lines: Lines) -> Card:
    """Return the values of a card.

    Raises:
        LookupError: a value is in an unknown charset.
    """
    card: Card = defaultdict(list)
    for name, line in lines:
        if found := LINE.fullmatch(line):
            card[name].append(_text(found[2], found[1]))
    return card


def _text(value: bytes, parameters: bytes) -> str:
    """Decode a value; version 2.1 has the parameters ENCODING=QUOTED-PRINTABLE and CHARSET."""
    if QUOTED_PRINTABLE.search(parameters):
        value = binascii.a2b_qp(value)
    charset = CHARSET.search(parameters)
    return decode(value, charset[1].decode("ascii")) if charset else guess(value)


def _extending_ascii(data: bytes) -> bytes:
    """Return the data, converted to UTF-8 if it is in UTF-16."""
    if data.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)):
        return data.decode("utf-16", errors="replace").encode("utf-8", errors="replace")
    return data


def _split(value: str, separator: str) -> list[str]:
    """Split a value at the separators that are not escaped."""
    hidden = ESCAPED.sub(
        lambda found: "\0" if found[1] == separator else found[0], value.replace("\0", "")
    )
    return [part.replace("\0", "\\" + separator) for part in hidden.split(separator)]


def _part(value: str) -> str:
    """Return a value without escape sequences, on one line."""
    return ESCAPED.sub(lambda found: " " if found[1] in "nN" else found[1], value)
