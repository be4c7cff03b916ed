"""Spoken numbers in digits."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from auricle.recognizer.digits import ONES, SCALES, TEENS, TENS, with_digits

WORDS = st.lists(st.sampled_from(
    [*ONES, *TEENS, *TENS, *SCALES, "hundred", "and", "point", "percent", "at", "pm", "go,", "oh",
     "twenty-five."]))  # fmt: skip


@pytest.mark.parametrize(
    ("spoken", "written"),
    [
        ("set a timer for twenty five minutes", "set a timer for 25 minutes"),
        ("Twenty-five degrees.", "25 degrees."),
        ("one hundred and five", "105"),
        ("two thousand and twenty one", "2021"),
        ("one hundred and five thousand two hundred", "105200"),
        ("in nineteen eighty five.", "in 1985."),
        ("call five five five one two", "call 55512"),
        ("wake me at seven thirty, please", "wake me at 7:30, please"),
        ("six oh five pm", "6:05 pm"),
        ("set it to five percent", "set it to 5%"),
        ("two point five", "2.5"),
        ("twenty one, two", "21, two"),
        ("no one knows one or two", "no one knows one or two"),
        ("a well-known million", "a well-known million"),
        ("", ""),
    ],
)
def test_numbers_are_written_in_digits(spoken: str, written: str) -> None:
    assert " ".join(with_digits(spoken.split())) == written


@given(WORDS)
def test_any_words_can_be_written_and_digits_stay(words: list[str]) -> None:
    once = with_digits(words)
    assert len(once) <= len(words)
    assert [word for word in once if word == "go,"] == [word for word in words if word == "go,"]
