"""Spoken forms of typical names and of arbitrary text."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from auricle.biasing.spoken_forms import LETTERS, MOST_WAYS, Form, forms_of, ways_to_say
from auricle.context.entries import Entry


def texts(written: str, kind: str = "media", spoken: tuple[str, ...] = ()) -> list[str]:
    return [form.text for form in forms_of(Entry(kind, written, spoken))]


@pytest.mark.parametrize(
    ("written", "said"),
    [
        ("Batcave", "batcave"),
        ("BatCave", "bat cave"),
        ("wi-fi lamp", "wifi lamp"),
        ("wi-fi lamp", "wi fi lamp"),
        ("J.R. Tolkien", "j r tolkien"),
        ("J.R.R. Tolkien", "jrr tolkien"),
        ("JRR Tolkien", "j r r tolkien"),
        ("AC/DC", "a c d c"),
        ("REM", "r e m"),
        ("R.E.M.", "rem"),
        ("HVAC", "h v a c"),
        ("Simon & Garfunkel", "simon and garfunkel"),
        ("Beyoncé", "beyonce"),
        ("Łukasz Großmann", "lukasz grossmann"),
        ("Sinéad O’Connor", "sinead o'connor"),
        ("'Kathleen'", "kathleen"),
        ("Kathleen", "kathleen's"),
        ("Dr. Dre", "doctor dre"),
        ("U2", "u two"),
        ("Blink 182", "blink one hundred eighty two"),
        ("1984", "nineteen eighty four"),
        ("1905", "nineteen oh five"),
        ("2001", "two thousand one"),
        ("007", "zero zero seven"),
        ("💡 Lamp 🛋", "lamp"),
        ("ＬＡＭＰ", "lamp"),
        ("Lamp\u202e\u0007 two", "lamp two"),
    ],
)
def test_a_written_name_has_the_spoken_form(written: str, said: str) -> None:
    assert said in texts(written)


@pytest.mark.parametrize("written", ["💡", "مصباح", "  ", "", "'", "-", "\x00\u202e", "日本"])
def test_a_name_that_cannot_be_spoken_has_no_form(written: str) -> None:
    assert forms_of(Entry("contacts", written)) == ()


def test_a_name_in_capitals_is_not_spelled_out() -> None:
    assert texts("JOHN SMITH") == ["john smith", "john smith's"]


def test_first_and_last_names_alone_have_a_smaller_share() -> None:
    forms = forms_of(Entry("contacts", "John R. Smith"))
    assert forms[0] == Form("john r smith", 1.0)
    assert {form.text: form.share for form in forms[1:3]} == {"john": 0.5, "smith": 0.5}
    assert "john" not in texts("John R. Smith", kind="media")


def test_a_given_spoken_form_has_the_whole_share() -> None:
    assert Form("the heating", 1.0) in forms_of(Entry("appliances", "HVAC-2", ("the heating",)))


def test_letters_of_the_recogniser_are_kept() -> None:
    assert texts("Café", kind="media") == ["cafe", "cafe's"]
    assert [form.text for form in forms_of(Entry("media", "Café"), LETTERS + "é")][0] == "café"


def test_a_megabyte_is_cut() -> None:
    forms = forms_of(Entry("contacts", "a1 " * 350_000))
    assert 0 < len(forms) <= 3 * MOST_WAYS
    assert all(len(form.text) < 300 for form in forms)


@given(st.text(max_size=40), st.sampled_from(["contacts", "media"]))
def test_forms_are_words_of_the_letters(written: str, kind: str) -> None:
    forms = forms_of(Entry(kind, written))
    assert len({form.text for form in forms}) == len(forms)
    for form in forms:
        words = form.text.split(" ")
        assert all(words)
        assert set("".join(words)) <= set(LETTERS)
        assert not any(word.startswith("'") for word in words)
        assert 0 < form.share <= 1


@given(st.from_regex(r"[0-9]{1,12}", fullmatch=True))
def test_every_string_of_digits_can_be_said(digits: str) -> None:
    ways = ways_to_say(digits)
    assert ways
    assert all(way.replace(" ", "").isalpha() for way in ways)


def test_an_apostrophe_beside_a_digit_is_not_a_word() -> None:
    assert {"zero zero", "oh oh"} & {form.text for form in forms_of(Entry("media", "0'0"))}
    assert all(
        "'" not in form.text for form in forms_of(Entry("media", "0'0")) if "'s" not in form.text
    )
