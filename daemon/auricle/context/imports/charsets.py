"""Decodes the text of other programs with the charsets that address books use.

In: bytes and the name of a charset. Out: text. Python also has codecs that are no charsets (`idna`,
`punycode`, `undefined`, `zlib`), some of which take quadratic time. A name that is not listed here
is therefore never looked up.
"""

from __future__ import annotations

from encodings.aliases import aliases

# Python's names of the charsets of the WHATWG Encoding Standard, of its older single-byte relatives
# of DOS, and of ISO 2022 for Japanese.
CHARSETS = frozenset(
    (
        *("ascii", "utf_8", "utf_16", "utf_16_le", "utf_16_be", "latin_1"),
        *(f"iso8859_{part}" for part in range(2, 17) if part != 12),  # there is no part 12
        *(f"cp{page}" for page in (437, 850, 852, 855, 866, 874, 932, *range(1250, 1259))),
        *("koi8_r", "koi8_u", "mac_roman", "mac_cyrillic", "tis_620"),
        *("shift_jis", "euc_jp", "iso2022_jp", "gb2312", "gbk", "gb18030"),
        *("big5", "big5hkscs", "euc_kr", "cp949"),
    )
)


def decode(data: bytes, charset: str) -> str:
    """Return text; bytes that are invalid in the charset become U+FFFD.

    Raises:
        LookupError: the charset is not in CHARSETS, by its own name or an alias.
    """
    name = charset.lower().replace("-", "_")
    name = aliases.get(name, name)
    if name not in CHARSETS:
        raise LookupError(charset)
    return data.decode(name, errors="replace")


def guess(data: bytes) -> str:
    """Return text of an unknown charset: UTF-8 if it is valid, otherwise Windows-1252.

    Old telephones write Latin-1, which Windows-1252 extends.
    """
    try:
        return data.decode("utf-8")
    except UnicodeDecodeError:
        return data.decode("cp1252", errors="replace")
