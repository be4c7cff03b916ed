"""Contacts from vCard files as programs and telephones write them."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from auricle.context.entries import Entry
from auricle.context.imports.imported import Imported
from auricle.context.imports.vcard import read_vcards
from auricle.errors import ImportedFileError

PATH = Path("all.vcf")


def contacts(data: bytes) -> Imported:
    imported = Imported("contacts", "vcard")
    read_vcards(data, PATH, imported)
    return imported


def card(*lines: str) -> bytes:
    return "\r\n".join(("BEGIN:VCARD", *lines, "END:VCARD", "")).encode()


@pytest.mark.parametrize(
    ("lines", "written", "spoken", "identity"),
    [
        (["FN:Zoë Lee"], "Zoë Lee", (), ""),
        (["FN:Ann Lee", "N:Lee;Ann;;;", "UID:urn:1"], "Ann Lee", (), "urn:1"),
        (["FN:Dr. Ann Lee", "N:Lee;Ann;B;Dr.;"], "Dr. Ann Lee", ("Ann Lee",), ""),
        (["N:Lee;Ann;;;"], "Ann Lee", (), ""),
        (["N:Lee;;;;"], "Lee", (), ""),
        (["FN:Ann", "NICKNAME:Annie,The Boss"], "Ann", ("Annie", "The Boss"), ""),
        (["NICKNAME:Annie"], "Annie", (), ""),
        (['item1.FN;TYPE="a:b";X=y:Ann'], "Ann", (), ""),
        (["fn:Ann"], "Ann", (), ""),
        (["FN:Lee\\, Ann\\; B\\\\C"], "Lee, Ann; B\\C", (), ""),
        (["FN:Ann\\nLee"], "Ann Lee", (), ""),
        (["FN:Ann L", " ee"], "Ann Lee", (), ""),
        (["FN;ENCODING=QUOTED-PRINTABLE;CHARSET=UTF-8:Zo=C3=", "=AB"], "Zoë", (), ""),
        (["FN;QUOTED-PRINTABLE;CHARSET=ISO-8859-1:Zo=EB"], "Zoë", (), ""),
        (["FN;ENCODING=QUOTED-PRINTABLE;CHARSET=X-NONE:Zo=EB"], "Zoë", (), ""),
        (["PHOTO;ENCODING=b:AAAA=", "FN:Ann"], "Ann", (), ""),
        (["this is no property", "FN:Ann"], "Ann", (), ""),
    ],
)
def test_a_card_is_an_entry(
    lines: list[str], written: str, spoken: tuple[str, ...], identity: str
) -> None:
    entry = Entry("contacts", written, spoken, id=identity)
    assert contacts(card("VERSION:3.0", *lines)).entries == (entry,)


def test_a_card_without_a_name_is_left_out_and_costs_no_other() -> None:
    data = card("FN: ") + card("FN:" + "n" * 300) + card("TEL:1") + card("FN:Ann") + card("FN:Ann")
    imported = contacts(data + b"BEGIN:VCARD\r\nFN:cut off")
    assert (imported.entries, imported.left_out) == ((Entry("contacts", "Ann"),), 3)


@pytest.mark.parametrize(
    "data",
    [
        b"\xef\xbb\xbf" + card("FN:Zoë"),
        card("FN:Zoë").decode().encode("utf-16"),
        card("FN:Zoë").decode().encode("latin-1"),
        card("FN:Zoë").replace(b"\r\n", b"\n"),
        card("FN:Zoë").replace(b"\r\n", b"\r"),
    ],
)
def test_any_encoding_and_line_end_is_read(data: bytes) -> None:
    assert contacts(data).entries == (Entry("contacts", "Zoë"),)


@given(st.binary(max_size=300), st.lists(st.text(max_size=40), max_size=5))
def test_nothing_is_worse_than_no_card(data: bytes, lines: list[str]) -> None:
    for content in (data, card(*lines).decode().encode(errors="replace")):
        try:
            contacts(content)
        except ImportedFileError as error:
            assert str(error) == (
                "all.vcf: contains no vCard; export contacts as .vcf and name that file"
            )
