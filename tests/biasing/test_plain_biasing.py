"""The compact names against the plain ones: forms, meanings, bonuses, sounds and scores."""

from __future__ import annotations

import itertools

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from auricle.biasing import carrier_phrases
from auricle.biasing.biasing import Biasing, BiasingBuilder, BiasingOptions
from auricle.biasing.context_attention import ContextEncoder, Queries, numbered
from auricle.biasing.context_graph import ContextGraph, ContextState
from auricle.biasing.key_matrix import KeyMatrix
from auricle.biasing.respelling import Spellings
from auricle.biasing.scorer import TokenScorer, TokenScorerState
from auricle.biasing.vocabulary import Vocabulary
from auricle.context.entries import Context, Entry
from auricle.tokenizer import Tokenizer
from testbed.plain_biasing import PlainGraph, plain_names, plain_row

LETTERS = "abciklmnorstyé'"
PIECES = (
    "<blank>", "▁", "▁the", "▁may", "▁ma", "▁call", "▁Kat", "ie", "tt", "hle", "-k", ".", "hi",
    "▁abcdefghi", *LETTERS, *(f"▁{letter}" for letter in LETTERS),
)  # fmt: skip
VOCABULARY = Vocabulary(Tokenizer(PIECES, [0.0] * len(PIECES)))
COMMON = VOCABULARY.common_words
RULES = Spellings({"ie_": {"y_": 0.5}, "k": {"c": 0.4}, "_k": {"_c": 0.2}, "tt": {"t": 0.9}})
OPTIONS = BiasingOptions()

words = st.sampled_from(
    ["Mattie", "Matie", "Katie", "Catie", "the", "may", "Zoé", "R.E.M.", "42", "Kokko", "Tom's",
     "Abcdefghij", "Tom"]
)  # fmt: skip
names = st.lists(words, min_size=1, max_size=3).map(" ".join)
entries = st.builds(
    Entry,
    kind=st.sampled_from(["contacts", "appliances", "media", "things"]),
    written=names,
    spoken=st.lists(names, max_size=2).map(tuple),
    weight=st.sampled_from([1.0, 0.0, 2.5, 0.3]),
    id=st.sampled_from(["", "1"]),
)
lists = st.lists(entries, max_size=12).map(tuple)


class LetterEncoder(ContextEncoder):
    """Makes a key of the letters of a form, without a network."""

    def __init__(self) -> None:
        self.width = 24
        self.asked: list[str] = []

    def keys(self, forms):  # type: ignore[no-untyped-def]
        self.asked += forms
        return numbered(forms).astype(np.float32)


def check(biasing: Biasing | None, context: Context) -> None:
    """Compare a biasing with the plain one of its context."""
    plain = plain_names(context, VOCABULARY, COMMON, OPTIONS, RULES)
    if biasing is None:
        assert not plain.meanings
        return
    graph = biasing.graph
    assert sorted(plain.meanings) == sorted(form.decode() for form in graph.forms)
    assert len(biasing.meanings) == len(plain.meanings) == len([*biasing.meanings])
    share = 1.0
    if biasing.keys is not None:
        share = OPTIONS.unseen ** (np.log(len(context.entries)) / np.log(1000))
    for form, meanings in plain.meanings.items():
        assert biasing.meanings[form] == meanings
        for place, bonus in enumerate(plain.bonuses[form]):
            found = graph.finalize(ContextState("▁" + form.replace(" ", "▁"), place))
            assert found == pytest.approx(share * bonus, rel=1e-6)
    if biasing.keys is not None:
        sounds = biasing.keys.sounds
        keyed = zip(biasing.keys.forms, biasing.keys.numbers.tolist(), strict=True)
        found = {form.decode(): sounds[key] for form, key in keyed if key >= 0}
        assert {*found} == {*plain.sounds}
        assert all(sound in plain.sounds[form] for form, sound in found.items())
        assert len({*sounds}) == len(sounds)
        rows = numbered(sounds).astype(np.float32)
        assert np.array_equal(np.concatenate([*biasing.keys.matrix._parts()]), rows)


@settings(max_examples=200)
@given(st.lists(lists, min_size=1, max_size=4), st.booleans())
def test_a_changed_list_is_prepared_like_a_new_one(
    changes: list[tuple[Entry, ...]], attention: bool
) -> None:
    encoder = LetterEncoder() if attention else None
    builder = BiasingBuilder(VOCABULARY, VOCABULARY, OPTIONS, RULES, encoder)
    before: tuple[Entry, ...] = ()
    for some in changes:
        for listed in (some, (*before, *some), (*some, *before[1:])):
            context = Context(listed)
            check(builder.build(context), context)
        before = some
    assert builder.build(Context()) is None


nats = st.integers(0, 40).map(lambda value: value / 8)
small = st.sampled_from(["a", "ab", "ba", "c", "call", "cab", "é", "abcdefghijk", "abcdefghijl"])
forms = st.dictionaries(
    st.lists(small, min_size=1, max_size=3).map(" ".join),
    st.lists(nats, min_size=carrier_phrases.PLACES, max_size=carrier_phrases.PLACES),
    max_size=40,
)


@settings(max_examples=200)
@given(forms, st.lists(st.integers(1, len(PIECES) - 1), max_size=10), st.sampled_from([1.0, 0.5]))
def test_scores_are_those_of_the_plain_graph(
    bonuses: dict[str, list[float]], pieces: list[int], scale: float
) -> None:
    plain, graph = PlainGraph(bonuses), ContextGraph.of(bonuses)
    scorer, state = TokenScorer(graph, VOCABULARY, scale), TokenScorerState()
    scorer.warm()
    for piece in [*pieces, 1]:
        row = plain_row(plain, state.graph_state, state.next_place, VOCABULARY, scale)
        assert scorer.row(state) == pytest.approx(row, abs=1e-5)
        assert scorer.end(state) == pytest.approx(
            scale * (plain.finalize(state.graph_state) - plain.pending_bonus(state.graph_state)),
            abs=1e-5,
        )
        state = scorer.step(state, piece)


@given(forms, st.lists(small, max_size=12))
def test_matches_are_those_of_the_plain_graph(
    bonuses: dict[str, list[float]], text: list[str]
) -> None:
    assert [*ContextGraph.of(bonuses).matches(text)] == [*PlainGraph(bonuses).matches(text)]


def test_only_what_changed_is_computed_anew() -> None:
    encoder = LetterEncoder()
    builder = BiasingBuilder(VOCABULARY, VOCABULARY, OPTIONS, RULES, encoder)
    listed = [Entry("media", "".join(some)) for some in itertools.product("abc", repeat=6)]
    builder.build(Context(tuple(listed)))
    assert len(encoder.asked) == len(listed)
    builder.build(Context((*listed[5:], Entry("media", "Abba"))))
    assert encoder.asked[len(listed) :] == ["abba"]
    builder.build(Context())
    assert builder.build(Context(tuple(listed[:2]))) is not None
    assert len(encoder.asked) == len(listed) + 3  # nothing is kept of names that were gone


def test_a_list_is_usable_before_all_of_its_keys_are_known() -> None:
    encoder = LetterEncoder()
    builder = BiasingBuilder(VOCABULARY, VOCABULARY, OPTIONS, RULES, encoder)
    listed = [Entry("media", "".join(some)) for some in itertools.product("abc", repeat=6)]
    stages = builder.prepare(Context(tuple(listed)))
    first = next(stages)
    assert first is not None
    assert (first.keys, encoder.asked) == (None, [])
    assert first.graph.index("▁abcabc") is not None
    last = [*stages][-1]
    assert last is not None
    assert last.keys is not None
    assert len(last.keys) == len(listed)


def test_keys_of_a_long_list_are_rounded_and_give_nearly_the_same_scores() -> None:
    draw = np.random.default_rng(1)
    keys = draw.standard_normal((9000, 32)).astype(np.float32)
    queries = Queries(draw.standard_normal((5, 32)).astype(np.float32), np.zeros(5, np.float32))
    exact, rounded = KeyMatrix(), KeyMatrix()
    for first in range(0, len(keys), 700):
        some = keys[first : first + 700]
        sounds = np.arange(first, first + len(some))
        exact = exact.extended(some, sounds, exact=True)
        rounded = rounded.extended(some, sounds, exact=False)
    assert np.allclose(exact.best(queries), queries.best(keys), atol=1e-4)
    assert np.allclose(rounded.best(queries), queries.best(keys), atol=0.2)
    assert rounded.size < exact.size / 2
    keep = draw.random(len(keys)) < 0.5
    left = rounded.kept(keep)
    assert np.allclose(left.best(queries), rounded.best(queries)[keep], atol=1e-4)
    assert left.numbers_of(np.flatnonzero(keep)).tolist() == [*range(len(left))]
    mixed = exact.extended(keys[:10], np.arange(9000, 9010), exact=False)
    assert np.allclose(mixed.best(queries)[:9000], rounded.best(queries), atol=1e-4)
