"""The context graph against a scorer that reads the whole text."""

from __future__ import annotations

from collections.abc import Sequence

import pytest
from hypothesis import given
from hypothesis import strategies as st

from auricle.biasing import carrier_phrases
from auricle.biasing.context_graph import OUTSIDE, ContextGraph
from auricle.biasing.scorer import TokenScorer, TokenScorerState
from auricle.biasing.vocabulary import Vocabulary
from auricle.tokenizer import Tokenizer

PIECES = ("<blank>", "▁", "▁a", "▁A", "▁ab", "a", "b", "ba", "▁b", "▁call", "-b", ".", "▁ba")
VOCABULARY = Vocabulary(Tokenizer(PIECES, [0.0] * len(PIECES)))
words = st.sampled_from(["a", "b", "ab", "ba", "aba", "call"])
nats = st.integers(0, 40).map(lambda value: value / 8)
forms = st.dictionaries(
    st.lists(words, min_size=1, max_size=4).map(" ".join),
    st.lists(nats, min_size=carrier_phrases.PLACES, max_size=carrier_phrases.PLACES),
    max_size=12,
)
tokens = st.lists(st.integers(1, len(PIECES) - 1), max_size=14)


def text_of(pieces: Sequence[int]) -> list[str]:
    """Return the words of a sequence of pieces."""
    text = "".join(PIECES[piece] for piece in pieces).replace("▁", " ").replace("-", " ")
    return text.lower().replace(".", "").split()


def brute_force(words: Sequence[str], worth: dict[str, list[float]]) -> float:
    """Return the bonus of a text by definition: the longest match, from left to right."""
    place, first, total = carrier_phrases.NOWHERE, 0, 0.0
    while first < len(words):
        last = first + 1
        for end in range(len(words), first, -1):
            form = " ".join(words[first:end])
            if form in worth:
                total, last = total + worth[form][place], end
                break
        for word in words[first:last]:
            place = carrier_phrases.after(place, word)
        first = last
    return total


def earned(graph: ContextGraph, words: Sequence[str]) -> float:
    return sum(said.nats for said in graph.matches(words))


@given(worth=forms, spoken=st.lists(words, max_size=10))
def test_a_text_earns_the_bonus_of_its_complete_names(
    worth: dict[str, list[float]], spoken: list[str]
) -> None:
    assert earned(ContextGraph.of(worth), spoken) == pytest.approx(brute_force(spoken, worth))


@given(worth=forms, pieces=tokens, scale=st.sampled_from([1.0, 0.5]))
def test_pending_bonus_is_subtracted_exactly(
    worth: dict[str, list[float]], pieces: list[int], scale: float
) -> None:
    steps = TokenScorer(ContextGraph.of(worth), VOCABULARY, scale)
    state, total = TokenScorerState(), 0.0
    # When a longer match fails, the names within it are earned at once, and another may begin.
    most = steps.most * (1 + max((len(form.split()) for form in worth), default=0))
    for piece in pieces:
        row = steps.row(state)
        assert row[0] == 0
        assert row.max() <= most + 1e-5
        total += float(row[piece])
        state = steps.step(state, piece)
    total += steps.end(state)
    assert total == pytest.approx(scale * brute_force(text_of(pieces), worth), abs=1e-4)


def test_any_way_to_divide_a_name_is_that_name() -> None:
    steps = TokenScorer(ContextGraph.of({"ab a": [2.0] * carrier_phrases.PLACES}), VOCABULARY, 1.0)
    for pieces in (["▁ab", "▁a"], ["▁A", "b", ".", "▁", "a"], ["▁a", "b", "▁A"]):
        state = TokenScorerState()
        for piece in pieces:
            state = steps.step(state, PIECES.index(piece))
        assert state.graph_state.prefix == "▁ab▁a"


def test_a_name_begins_and_ends_with_a_word() -> None:
    graph = ContextGraph.of({"ab": [1.0] * carrier_phrases.PLACES})
    assert [earned(graph, [word]) for word in ("ab", "aba", "bab", "a")] == [1, 0, 0, 0]


def test_the_bonus_is_larger_where_a_name_is_expected() -> None:
    graph = ContextGraph.of({"ab": [1.0, 3.0, 1.0, 1.0]})
    assert earned(graph, ["call", "my", "ab"]) == 3.0
    assert earned(graph, ["call", "a", "b", "ab"]) == 1.0


def test_a_prefix_of_many_names_has_a_small_pending_bonus() -> None:
    few = ContextGraph.of({"abba": [8.0] * carrier_phrases.PLACES})
    worth = [8.0] * carrier_phrases.PLACES
    many = ContextGraph.of({f"abb{'a' * count}": worth for count in range(1, 900)})
    state = few.advance(OUTSIDE, "abb", starts=True, place=0).state
    assert few.pending_bonus(state) > many.pending_bonus(state) > 0
