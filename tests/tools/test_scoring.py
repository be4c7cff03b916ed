"""Word error rates."""

from __future__ import annotations

import pytest

from auricle_train.scoring import normalize, score, word_errors


def test_case_punctuation_and_spaces_do_not_count() -> None:
    assert normalize("  Don't  STOP, now! ") == "don't stop now"


def test_digits_are_refused_for_they_may_be_spoken_in_many_ways() -> None:
    with pytest.raises(ValueError, match="spell numbers out"):
        normalize("channel 4")


def test_errors_are_counted_in_words() -> None:
    assert word_errors("turn on the light", "turn off light please") == (3, 4)
    assert word_errors("stop", "") == (1, 1)


def test_the_interval_holds_the_rate_and_narrows_with_more_data() -> None:
    pairs = [("a b c d", "a b c d"), ("a b c d", "a x c d")]
    few, many = score(pairs * 5), score(pairs * 500)
    assert few.rate == many.rate == pytest.approx(0.125)
    assert few.low <= few.rate <= few.high
    assert many.high - many.low < few.high - few.low
    assert (many.utterances, many.words) == (1000, 4000)
