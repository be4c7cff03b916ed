"""Names are checked and cleaned once, at the edge."""

from __future__ import annotations

import time
import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st

from auricle.context.entries import LONGEST_NAME, Entry
from auricle.context.validation import LINE_BREAKS, MOST_SPOKEN, clean_name, read_entries
from auricle.errors import (
    ArgumentError,
    InvalidNameError,
    NameTooLongError,
    TooManySpokenFormsError,
)

ANYTHING = st.text(alphabet=st.characters(), max_size=2 * LONGEST_NAME)  # surrogates too


@given(ANYTHING)
def test_a_name_is_cleaned_to_one_form_or_refused_in_one_sentence(text: str) -> None:
    try:
        name = clean_name(text, "entries[0].written")
    except (InvalidNameError, NameTooLongError) as error:
        assert str(error).startswith("entries[0].written: ")
        assert str(error).isprintable()
        assert len(str(error)) < 250
    else:
        assert 0 < len(name) <= LONGEST_NAME
        assert name == unicodedata.normalize("NFC", name) == " ".join(name.split())
        assert not LINE_BREAKS.intersection(name)
        assert not {"Cc", "Cs"}.intersection(map(unicodedata.category, name))
        assert clean_name(name, "again") == name
        name.encode()


@given(ANYTHING, st.sampled_from(sorted(LINE_BREAKS)), ANYTHING)
def test_a_line_break_anywhere_is_refused(before: str, line_break: str, after: str) -> None:
    with pytest.raises((InvalidNameError, NameTooLongError)):
        clean_name(before + line_break + after, "name")


@pytest.mark.parametrize(
    ("text", "name"),
    [
        ("Zoe\u0308", "Zoë"),
        ("  Ann\t Lee\u00a0 ", "Ann Lee"),
        ("👩\u200d🔬 Ada", "👩\u200d🔬 Ada"),
        ("❤️", "❤️"),
        ("محمد علی", "محمد علی"),
        ("\u200fדוד\u200f", "\u200fדוד\u200f"),
        ("the", "the"),
        ("n" * 200, "n" * 200),
    ],
)
def test_names_of_any_script_are_taken(text: str, name: str) -> None:
    assert clean_name(text, "name") == name


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("", "name: '': is blank; give a name"),
        (" \t\u3000", "is blank"),
        ("\u200d\u200f", "is blank"),
        ("A\nB", "contains a line break (U+000A); write each name on one line"),
        ("A\x85B", "contains a line break (U+0085)"),
        ("A\x00B", "contains the control character U+0000; remove it"),
        ("A\x9bB", "contains the control character U+009B"),
        ("A\ud83d", "contains a surrogate (U+D83D)"),
    ],
)
def test_what_is_no_name_is_refused_with_what_is_wrong(text: str, told: str) -> None:
    with pytest.raises(InvalidNameError) as caught:
        clean_name(text, "name")
    assert told in str(caught.value)


@pytest.mark.parametrize("text", ["n" * 201, "n" * 1_000_000, "\u0301" * 1_000_000, " " * 10_000])
def test_a_long_name_is_refused_without_a_look_at_all_of_it(text: str) -> None:
    took = []
    for _ in range(10):
        before = time.process_time()
        with pytest.raises(NameTooLongError, match="has more than 200 characters; shorten it"):
            clean_name(text, "name")
        took.append(time.process_time() - before)
    assert min(took) < 0.01


def test_entries_are_read_with_all_that_they_say() -> None:
    given = [("Batcave ", ["bat  cave", "Batcave", "bat cave"], 2.0, "light.batcave")]
    assert read_entries("appliances", given) == (
        Entry("appliances", "Batcave", ("bat cave",), 2.0, "light.batcave"),
    )


@pytest.mark.parametrize(
    ("entry", "error", "told"),
    [
        (("A", ["b"] * (MOST_SPOKEN + 1), 1.0, ""), TooManySpokenFormsError, "[1].spoken: 9 forms"),
        (("A", ["b", "\n"], 1.0, ""), InvalidNameError, "entries[1].spoken[1]: ' ': contains"),
        (("A", [], 10.5, ""), ArgumentError, "entries[1].weight: 10.5: give a number from 0 to 10"),
        (("A", [], float("inf"), ""), ArgumentError, "entries[1].weight: inf"),
        (("A", [], 1.0, "\x01"), InvalidNameError, "entries[1].id: ' ': contains the control"),
        (("A", [], 1.0, "i" * 201), NameTooLongError, "entries[1].id: "),
    ],
)
def test_the_first_wrong_entry_is_told_by_its_index(
    entry: tuple[str, list[str], float, str], error: type[Exception], told: str
) -> None:
    with pytest.raises(error) as caught:
        read_entries("contacts", [("Ann", [], 1.0, ""), entry])
    assert told in str(caught.value)
