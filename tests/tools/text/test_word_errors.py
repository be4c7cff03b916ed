"""Word error rates and lost words."""

from __future__ import annotations

import pytest

from auricle_train.text.word_errors import compare, score, share


def test_errors_are_counted_in_words() -> None:
    found = compare("turn on the light", "turn off light please")
    assert (found.errors, found.words) == (3, 4)
    found = compare("stop", "")
    assert (found.errors, found.words) == (1, 1)


def test_numbers_and_titles_are_no_errors_however_they_are_written() -> None:
    assert compare("mister ten percent", "Mr. 10%").errors == 0


def test_a_word_left_out_at_either_end_is_told_apart() -> None:
    both = compare("turn on the light", "turn on the light")
    first = compare("turn on the light", "on the light")
    last = compare("turn on the light", "turn on the")
    replaced = compare("turn on the light", "burn on the night")
    nothing = compare("turn on the light", "")
    assert [(one.first_lost, one.last_lost) for one in (both, first, last, replaced, nothing)] == [
        (False, False), (True, False), (False, True), (False, False), (True, True),
    ]  # fmt: skip


def test_a_reference_without_words_is_refused() -> None:
    with pytest.raises(ValueError, match="exclude clips without speech"):
        compare("...", "stop")


def test_the_interval_holds_the_rate_and_narrows_with_more_data() -> None:
    found = [compare("a b c d", "a b c d"), compare("a b c d", "a x c d")]
    few, many = score(found * 5), score(found * 500)
    assert few.rate == many.rate == pytest.approx(0.125)
    assert few.low <= few.rate <= few.high
    assert many.high - many.low < few.high - few.low
    assert (many.utterances, many.words) == (1000, 4000)


def test_a_share_of_none_may_still_be_some() -> None:
    none = share([False] * 100)
    assert (none.count, none.total, none.rate, none.low) == (0, 100, 0.0, 0.0)
    assert none.high == pytest.approx(0.037, abs=5e-4)
    half = share([True, False] * 50)
    assert (half.low, half.high) == pytest.approx((0.404, 0.596), abs=5e-4)
