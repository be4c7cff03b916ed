"""Contacts from vCard files as programs and telephones write them."""

from __future__ import annotations

import time
from pathlib import Path

import pytest

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
        (["N:Lee\\\\;Ann"], "Ann Lee\\", (), ""),
        (["N:Lee\\;Ray;Ann"], "Ann Lee;Ray", (), ""),
        (["FN;ENCODING=QUOTED-PRINTABLE;CHARSET=UTF-8:Zo=C3=", "=AB"], "Zoë", (), ""),
        (["FN;QUOTED-PRINTABLE;CHARSET=ISO-8859-1:Zo=EB"], "Zoë", (), ""),
        (["FN;ENCODING=QUOTED-PRINTABLE:Zo=EB"], "Zoë", (), ""),
        (["N;CHARSET=windows-1251;ENCODING=QUOTED-PRINTABLE:;=C0=ED=ED=E0"], "Анна", (), ""),
        (['FN;CHARSET="UTF-8":Zoë'], "Zoë", (), ""),
        (["FN;CHARSET=SHIFT_JIS;ENCODING=QUOTED-PRINTABLE:=83=5C=83j"], "ソニ", (), ""),
        (["PHOTO;ENCODING=b:AAAA=", "FN:Ann"], "Ann", (), ""),
        (["this is no property", "FN:Ann"], "Ann", (), ""),
    ],
)
def test_a_card_is_an_entry(
    lines: list[str], written: str, spoken: tuple[str, ...], identity: str
) -> None:
    entry = Entry("contacts", written, spoken, id=identity)
    assert contacts(card("VERSION:3.0", *lines)).entries == (entry,)


@pytest.mark.parametrize(
    "wrong",
    [
        pytest.param(card("FN: "), id="blank name"),
        pytest.param(card("FN:" + "n" * 300), id="name too long"),
        pytest.param(card("TEL:1"), id="no name"),
        pytest.param(card("FN:Bob", "NICKNAME:" + "Bobby," * 20_000), id="too large"),
        *(
            pytest.param(card(f"FN;ENCODING=QUOTED-PRINTABLE;CHARSET={name}:Zo=C3=AB"), id=name)
            for name in ("punycode", "idna", "undefined", "zlib", "X-NONE", "-")
        ),
        pytest.param(card("FN;CHARSET=idna:Zo\u00eb"), id="charset of plain text"),
    ],
)
def test_a_card_that_cannot_be_read_is_left_out_and_the_others_are_read(wrong: bytes) -> None:
    imported = contacts(card("FN:Ann") + wrong + card("FN:Bob"))
    assert imported.entries == (Entry("contacts", "Ann"), Entry("contacts", "Bob"))
    assert imported.left_out == 1


def test_a_card_that_the_end_of_the_file_cuts_off_is_left_out() -> None:
    imported = contacts(card("FN:Ann") + b"BEGIN:VCARD\r\nFN:cut o")
    assert (imported.entries, imported.left_out) == ((Entry("contacts", "Ann"),), 1)


@pytest.mark.parametrize(
    "lines",
    [
        ["FN:Ann", "AGENT:", "BEGIN:VCARD", "FN:Bob", "END:VCARD", "NOTE:after"],
        ["FN:Ann", "BEGIN:VCARD", "FN:Bob"],
        ["FN;QUOTED-PRINTABLE:Ann=", "END:VCARD", "BEGIN:VCARD", "FN:Bob"],
    ],
    ids=["card within a card", "no end", "last line continues"],
)
def test_a_card_without_an_end_of_its_own_is_read(lines: list[str]) -> None:
    imported = contacts(card(*lines))
    assert [entry.written for entry in imported.entries] == ["Ann", "Bob"]


def test_files_with_byte_order_marks_can_be_joined() -> None:
    imported = contacts(b"".join(b"\xef\xbb\xbf" + card(f"FN:{name}") for name in ("Ann", "Bob")))
    assert [entry.written for entry in imported.entries] == ["Ann", "Bob"]


def test_a_latin_1_card_does_not_change_the_others() -> None:
    imported = contacts(card("FN:Zoë") + card("FN:André").decode().encode("latin-1"))
    assert [entry.written for entry in imported.entries] == ["Zoë", "André"]


@pytest.mark.parametrize(
    "value",
    [
        pytest.param(
            "FN;ENCODING=QUOTED-PRINTABLE:" + "abcdefghi=\r\n" * 150_000, id="soft breaks"
        ),
        pytest.param("FN:" + "abcdefghi\r\n " * 150_000, id="folds"),
        pytest.param("FN:" + "\r\n " * 500_000, id="empty folds"),
        pytest.param("FN" + ';X="' * 500_000, id="parameters"),
        pytest.param("NICKNAME:Ann\r\n" * 100_000, id="nicknames"),
        pytest.param("BEGIN:VCARD\r\n" * 120_000, id="beginnings"),
        pytest.param("END:VCARD\r\n" * 150_000, id="ends"),
        pytest.param("\r\n" * 750_000, id="blank lines"),
    ],
)
def test_a_hostile_file_takes_linear_time(value: str) -> None:
    start = time.process_time()
    imported = contacts(card("FN:Ann") + card(value) + card("FN:Bob"))
    took = time.process_time() - start
    assert {"Ann", "Bob"} <= {entry.written for entry in imported.entries}
    assert took < 10, f"{took:.1f} s of processor time for 1.5 MB"


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


def test_a_file_without_a_card_is_refused() -> None:
    with pytest.raises(ImportedFileError, match="all.vcf: contains no vCard; export contacts"):
        contacts(b"FN:Ann")
