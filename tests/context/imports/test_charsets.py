"""Charsets of address books, and names that Python would look up but must not."""

from __future__ import annotations

import codecs

import pytest

from auricle.context.imports.charsets import CHARSETS, decode, guess


@pytest.mark.parametrize(
    ("charset", "data"),
    [
        ("UTF-8", b"Zo\xc3\xab"),
        ("utf8", b"Zo\xc3\xab"),
        ("ISO-8859-1", b"Zo\xeb"),
        ("latin1", b"Zo\xeb"),
        ("ISO_8859-1", b"Zo\xeb"),
        ("Windows-1252", b"Zo\xeb"),
        ("cp1252", b"Zo\xeb"),
        ("UTF-16LE", b"Z\0o\0\xeb\0"),
        ("GB18030", b"Zo\x810\x8a5"),
    ],
)
def test_a_charset_is_known_by_its_names(charset: str, data: bytes) -> None:
    assert decode(data, charset) == "Zoë"


@pytest.mark.parametrize(
    "name", ["punycode", "idna", "undefined", "rot13", "hex", "base64", "zip", "mbcs", "utf-7", ""]
)
def test_a_codec_that_is_not_a_charset_is_unknown(name: str) -> None:
    with pytest.raises(LookupError):
        decode(b"Zoe", name)


def test_each_charset_is_a_text_encoding_that_decodes_all_bytes() -> None:
    every_byte = bytes(range(256)) * 2
    for charset in CHARSETS:
        assert codecs.lookup(charset).name
        assert isinstance(decode(every_byte, charset), str)


def test_text_without_a_charset_is_utf_8_or_windows_1252() -> None:
    assert guess(b"Zo\xc3\xab") == guess(b"Zo\xeb") == "Zoë"
    assert guess(b"\x81\x8d") == "\ufffd\ufffd"
