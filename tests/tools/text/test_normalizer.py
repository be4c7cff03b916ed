"""One writing for what is said."""

from __future__ import annotations

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from auricle_train.text.normalizer import normalize


@pytest.mark.parametrize(
    ("written", "spoken"),
    [
        ("  Don't  STOP, now! ", "don't stop now"),
        ("the boys’ ‘tent’ 'tis O'Neil's", "the boys tent tis o'neil's"),
        ("a well-known café", "a well known cafe"),
        ("Mr. and Mrs Hale of St. Paul's", "mister and missus hale of saint paul's"),
        ("OK, etc.", "okay et cetera"),
        ("no general knows Gen. Grant", "no general knows general grant"),
        ("channel 4, then 21 and 105", "channel four then twenty one and one hundred five"),
        ("1,000 and 3.14", "one thousand and three point one four"),
        ("in 1885 and 2026", "in eighteen eighty five and twenty twenty six"),
        ("1,885 of 2005", "one thousand eight hundred eighty five of two thousand five"),
        ("the 1990s and the 80's", "the nineteen nineties and the eighties"),
        ("the 1st, 22nd and 30th", "the first twenty second and thirtieth"),
        ("$5 or $1.50", "five dollars or one dollar and fifty cents"),
        ("£2.01", "two pounds and one penny"),
        ("$3.5 million or €1", "three point five million dollars or one euro"),
        ("50% is fifty per cent", "fifty percent is fifty percent"),
        ("at 10:30 a.m., 9:05 or 7:00", "at ten thirty a m nine oh five or seven o'clock"),
        ("6pm", "six p m"),
        ("007 and K9", "zero zero seven and k nine"),
        ("call 5551234567", "call five five five one two three four five six seven"),
        ("½ of 3/4 & 20°C", "one half of three quarters and twenty degrees celsius"),
        ("[MUSIC] hello (laughs)", "hello"),
        ("colour and color", "colour and color"),
        ("", ""),
    ],
)  # fmt: skip
def test_all_is_written_as_it_is_spoken(written: str, spoken: str) -> None:
    assert normalize(written) == spoken


@given(st.text() | st.text("0123456789.,:$%/'aps -°", max_size=20))
def test_nothing_but_words_is_left_and_they_stay_as_they_are(text: str) -> None:
    words = normalize(text)
    assert re.fullmatch(r"([a-z][a-z']*( [a-z][a-z']*)*)?", words)
    assert normalize(words) == words
