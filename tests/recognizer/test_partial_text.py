"""Shown and settled words of partial text: by example, and for arbitrary changes."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from auricle.errors import ArgumentError
from auricle.recognizer import word_history
from auricle.recognizer.beam_search import BeamSearch, SearchOptions
from auricle.recognizer.partial_text import (
    Best,
    FirstPassText,
    PartialOptions,
    PartialText,
    aligned_place,
    common_prefix,
    distances,
    place_in_longer,
)

PIECES = ("<blank>", "▁a", "b", "▁c", "▁d")
OPTIONS = PartialOptions(hold_seconds=0.24, stable_seconds=1.2)


def words(text: str) -> tuple[str, ...]:
    return tuple(text.split())


def best(text: str, trailing: float = 1.0, time: float = 1.0) -> Best:
    return Best(words(text), trailing, time)


def test_a_word_with_a_recent_last_token_is_not_shown_yet() -> None:
    text = FirstPassText().follow(best("turn on the li", trailing=0.08), (), OPTIONS)
    assert text.shown == words("turn on the")
    text = text.follow(best("turn on the light", trailing=0.24), (), OPTIONS)
    assert text.shown == words("turn on the light")


def test_a_shown_word_that_grows_stays_until_it_has_grown() -> None:
    text = FirstPassText().follow(best("go", trailing=0.3), (), OPTIONS)
    text = text.follow(best("going", trailing=0.1), (), OPTIONS)
    assert text.shown == ("go",)
    assert text.follow(best("going", trailing=0.3), (), OPTIONS).shown == ("going",)


def test_a_glance_adds_words_and_takes_none_away() -> None:
    text = FirstPassText().follow(best("how are"), (), OPTIONS)
    assert text.glance(best("how are you"), OPTIONS).shown == words("how are you")
    assert text.glance(best("power you"), OPTIONS) == text
    assert text.glance(best("how"), OPTIONS) == text


def test_words_on_which_all_hypotheses_agree_are_firm_at_once() -> None:
    text = FirstPassText().follow(best("how are you"), words("how are"), OPTIONS)
    assert (text.words[: text.firm]) == words("how are")


def test_words_that_were_the_best_for_long_are_firm() -> None:
    text = FirstPassText()
    for time, said in ((0.64, "how"), (1.28, "how are"), (1.92, "how are you")):
        text = text.follow(best(said, time=time), (), OPTIONS)
    assert text.words[: text.firm] == ("how",)
    text = text.follow(best("how old are", time=2.56), (), OPTIONS)
    assert text.words[: text.firm] == ("how",)
    text = text.follow(best("now old are", time=3.2), (), OPTIONS)
    assert text.firm == 0


@pytest.mark.parametrize(
    "options", [{"hold_seconds": -0.1}, {"stable_seconds": 0.0}, {"glance_seconds": 0.0}]
)
def test_impossible_times_are_refused(options: dict[str, float]) -> None:
    with pytest.raises(ArgumentError, match=next(iter(options))):
        PartialOptions(**options)


def test_settled_words_stay_when_the_first_pass_changes_its_mind() -> None:
    text = PartialText().follow(words("how are you"), words("how are"))
    assert (text.text, text.settled_text) == ("how are you", "how are")
    text = text.follow(words("power you going"))
    assert text.text == "how are you going"
    assert text.settled_text == "how are"
    text = text.follow(words("power you going to"), words("power you going"))
    assert (text.text, text.settled_text) == ("how are you going to", "how are you going")


def test_text_continues_from_the_second_pass_if_the_words_are_the_same() -> None:
    text = PartialText().follow(words("power")).reread(words("power you"), words("how are you"))
    for behind in ("", "power", "power you"):
        assert text.follow(words(behind)).text == "how are you"
    text = text.follow(words("power you going"))
    assert text.text == "how are you going"
    assert text.settled == 0
    assert text.follow(words("power you going"), ("power",)).settled_text == "how"
    assert text.follow(words("power you going"), words("power you")).settled_text == "how are you"


def test_a_last_word_that_the_pause_cut_off_is_replaced() -> None:
    text = PartialText().reread(words("power you go"), words("how are you go"))
    assert text.follow(words("power you going to")).text == "how are you going to"


def test_a_first_pass_that_disagrees_from_the_start_is_shown_as_it_is() -> None:
    text = PartialText().reread(words("power you"), words("power is"))
    assert text.follow(words("how are you")).text == "how are you"


def test_aligned_word_boundaries() -> None:
    source, target = words("power you going"), words("how are you going")
    assert [aligned_place(source, target, place) for place in range(4)] == [0, 1, 3, 4]
    assert distances(("a",), ("b", "a")) == [1, 1, 1]
    assert place_in_longer(words("how are you"), words("power you going to do"), 2) == 1
    assert place_in_longer(words("how are"), words("power you going"), 2) == 2
    assert place_in_longer(words("how are you"), (), 2) == 0


TEXTS = st.lists(st.sampled_from("abc"), max_size=7).map(tuple)
STEPS = st.lists(
    st.one_of(
        st.tuples(st.just("follow"), TEXTS, TEXTS),
        st.tuples(st.just("agree"), TEXTS, st.integers(0, 7)),
        st.tuples(st.just("reread"), TEXTS, TEXTS),
    ),
    max_size=25,
)


@settings(max_examples=500)
@given(STEPS)
def test_settled_words_stay_over_any_changes_of_the_first_pass(
    steps: list[tuple[str, Any, Any]],
) -> None:
    text = PartialText()
    for kind, one, other in steps:
        before = text
        if kind == "reread":
            text = text.reread(one, other)
            assert (text.words, text.settled) == (other, 0)
            continue
        text = text.follow(one, one[:other] if kind == "agree" else other)
        assert text.settled >= before.settled
        assert text.words[: before.settled] == before.words[: before.settled]
        assert text.settled <= text.fixed <= len(text.words)
        if common_prefix(text.heard, one) == len(text.heard):
            assert text.words[text.fixed :] == one[len(text.heard) :]


@given(TEXTS, TEXTS, TEXTS)
def test_no_text_falls_behind_the_second_pass_while_the_first_hears_the_same(
    heard: tuple[str, ...], read: tuple[str, ...], more: tuple[str, ...]
) -> None:
    text = PartialText().reread(heard, read)
    for count in range(len(heard) + 1):
        assert text.follow(heard[:count]).words == read
    assert text.follow(heard + more).words == read + more


@given(TEXTS, TEXTS)
def test_aligned_boundaries_keep_their_order(one: tuple[str, ...], other: tuple[str, ...]) -> None:
    places = [aligned_place(one, other, place) for place in range(len(one) + 1)]
    assert places == sorted(places)
    assert (places[0], places[-1]) == (0, len(other) if one else 0)


def texts_of(state: Any) -> list[tuple[str, ...]]:
    """Return the complete words of each hypothesis."""
    return [tuple(word_history.best_words("", one.branches)) for one in state.hypotheses]


@settings(max_examples=40, deadline=None)
@given(st.integers(0, 10**6), st.lists(st.integers(1, 6), min_size=1, max_size=12))
def test_partials_of_random_hypotheses_begin_with_all_that_was_settled(
    make_network: Any, seed: int, chunks: Sequence[int]
) -> None:
    network = make_network(PIECES, seed, blank_bonus=1.0)
    search = BeamSearch(network, PIECES, SearchOptions(beam=4))
    options = PartialOptions(hold_seconds=0.04, stable_seconds=0.2)
    state, first, told = search.initial_state(), FirstPassText(), PartialText()
    for count in chunks:
        state, known = search.step(state, network.frames(count))
        shared = search.settled(state)
        texts = texts_of(state)
        assert all(text[: len(shared)] == shared for text in texts)
        assert any(text[: len(shared) + 1] != texts[0][: len(shared) + 1] for text in texts) or any(
            len(text) == len(shared) for text in texts
        )
        now = Best(words(known.text), known.trailing_seconds, state.frames * 0.04)
        first = first.follow(now, shared, options)
        assert common_prefix(first.words, now.words) >= first.firm >= len(shared)
        before, told = told, told.follow(first.shown, first.words[: first.firm])
        assert told.words[: before.settled] == before.words[: before.settled]
        assert told.settled >= before.settled
