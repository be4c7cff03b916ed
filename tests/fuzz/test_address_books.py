"""Any bytes as an address book: the names that can be read are valid, and no card costs another."""

from __future__ import annotations

from pathlib import Path

from hypothesis import example, given
from hypothesis import strategies as st

from auricle.context.imports.imported import Imported
from auricle.context.imports.vcard import read_vcards
from auricle.context.validation import MOST_SPOKEN, clean_name
from auricle.errors import ImportedFileError

PATH = Path("all.vcf")
# Pieces of vCards, so that random combinations get past the first line.
PIECES = [
    *(b"BEGIN:VCARD END:VCARD FN N NICKNAME UID PHOTO AGENT item1. : ; , \\ =C3=AB Zoe".split()),
    *(b";ENCODING=QUOTED-PRINTABLE ;QUOTED-PRINTABLE ;CHARSET= \xff\xfe \xef\xbb\xbf".split()),
    *(b"punycode idna undefined UTF-8 utf-16 iso-2022-jp shift_jis".split()),
    *(b"\r\n", b"\n", b"\r", b" ", b"\t", b"=", b"=\r\n", b'"'),
]
BOOKS = st.one_of(
    st.binary(max_size=300),
    st.lists(st.one_of(st.sampled_from(PIECES), st.binary(max_size=4)), max_size=60).map(b"".join),
)


def fuzz_one(data: bytes) -> None:
    """Read an address book; raise AssertionError if something other than a refusal comes out."""
    imported = Imported("contacts", "vcard")
    try:
        read_vcards(data, PATH, imported)
    except ImportedFileError as error:
        assert str(error).startswith("all.vcf: contains no vCard; ")
        assert not imported.entries
    for entry in imported.entries:
        assert len(entry.spoken) <= MOST_SPOKEN
        for name in (entry.written, *entry.spoken, *filter(None, [entry.id])):
            assert clean_name(name, "name") == name


@given(BOOKS)
@example(b"BEGIN:VCARD\nFN;CHARSET=undefined;QUOTED-PRINTABLE:=EB\nEND:VCARD")
def test_any_bytes_are_read_or_refused(data: bytes) -> None:
    fuzz_one(data)


@given(BOOKS)
def test_a_card_is_read_whatever_stands_before_it(data: bytes) -> None:
    data = data.lstrip(b"\xff\xfe")  # the mark of a file in UTF-16
    imported = Imported("contacts", "vcard")
    read_vcards(data + b"\r\nBEGIN:VCARD\r\nFN:Ann Lee\r\nEND:VCARD\r\n", PATH, imported)
    assert "Ann Lee" in {entry.written for entry in imported.entries}
