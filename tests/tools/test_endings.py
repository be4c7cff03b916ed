"""Counting after which words sentences end."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from auricle.recognizer.endings import Endings
from auricle_train.endings import LEAST, count

WORD = st.sampled_from(["turn", "on", "the", "light", "red"])


def test_words_that_end_sentences_are_told_from_those_that_do_not() -> None:
    sentences = ["turn on the light"] * 20 + ["turn the light on"] * 20
    endings = Endings(count(sentences))
    ends = {text: endings.after(text) or 0.0 for text in ("turn on the", "on", "the light", "turn")}
    assert ends["turn on the"] < 0.05 and ends["turn"] < 0.05
    assert 0.4 < ends["on"] < 0.6
    # After "on", which ends half of them, "the" is still none with which one ends.
    assert endings.after("light on") is not None
    assert (endings.after("light on") or 0.0) > 0.8
    assert (endings.after("turn on") or 1.0) < 0.2


def test_what_was_hardly_seen_is_not_told() -> None:
    assert count(["play music"] * (LEAST - 1)) == {}
    assert count([]) == {}


@given(st.lists(st.lists(WORD, min_size=1).map(" ".join), max_size=60))
def test_shares_are_shares(sentences: list[str]) -> None:
    assert all(0.0 <= share <= 1.0 for share in count(sentences).values())
