"""Beam search with names: it adds the bonus of complete names and changes nothing else."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from auricle.biasing.biasing import Biasing, BiasingOptions, build
from auricle.biasing.vocabulary import Vocabulary
from auricle.context.entries import Context, Entry
from auricle.recognizer.beam_search import BeamSearch, SearchOptions
from auricle.tokenizer import Tokenizer

PIECES = ("<blank>", "▁", "▁a", "b", "▁ab")
VOCABULARY = Vocabulary(Tokenizer(PIECES, [0.0] * len(PIECES)))
NAMES = ("a b", "ab", "ab a", "abb", "b a")
unhurried = settings(deadline=None, max_examples=20)
seeds = st.integers(0, 10**6)
some_names = st.lists(st.sampled_from(NAMES), min_size=1, unique=True)
MakeNetwork = Any


def biasing_of(names: list[str]) -> Biasing:
    context = Context(tuple(Entry("media", name) for name in names))
    biasing = build(context, VOCABULARY, None, BiasingOptions(list_size_penalty=0.0, letter=1.5))
    assert biasing is not None
    return biasing


def wide() -> SearchOptions:
    return SearchOptions(
        beam=10**5,
        score_beam=1e6,
        max_symbols=2,
        alternatives=10**5,
        joined_words=10**5,
        lattice_beam=1e6,
        nbest=10**5,
    )


@unhurried
@given(seed=seeds, names=some_names)
def test_the_graph_score_of_a_path_is_the_bonus_of_its_names(
    make_network: MakeNetwork, seed: int, names: list[str]
) -> None:
    network, biasing = make_network(PIECES, seed), biasing_of(names)
    search = BeamSearch(network, PIECES, wide())
    state, _ = search.step(search.initial_state(biasing=biasing), network.frames(2))
    result = search.result(state)
    for path in result.lattice.nbest(10**5):
        earned = sum(said.nats for said in biasing.graph.matches(path.words))
        assert sum(arc.graph for arc in path.arcs) == pytest.approx(earned, abs=1e-4)


@unhurried
@given(seed=seeds, names=some_names, beam=st.integers(1, 6), cut=st.integers(0, 20))
def test_any_chunking_gives_the_same(
    make_network: MakeNetwork, seed: int, names: list[str], beam: int, cut: int
) -> None:
    network = make_network(PIECES, seed, blank_bonus=2.0)
    frames, biasing = network.frames(20), biasing_of(names)
    search = BeamSearch(network, PIECES, SearchOptions(beam=beam))
    whole, progress = search.step(search.initial_state(biasing=biasing), frames)
    state, _ = search.step(search.initial_state(biasing=biasing), frames[:cut])
    state, last = search.step(state, frames[cut:])
    assert last == progress
    assert search.result(state) == search.result(whole)


SPELLED = ("<blank>", "▁call", "▁she", "▁si", "obhan")
HEARD = {3: {1: 0.999}, 8: {2: 0.93, 3: 0.05}, 10: {4: 0.999}}


class Script:
    """Emits the scripted token of a frame, else blank."""

    def __init__(self) -> None:
        self.calls = 0

    def log_probs(
        self, frame: NDArray[np.float32], contexts: Sequence[tuple[int, int]]
    ) -> NDArray[np.float32]:
        self.calls += len(contexts)
        tokens = HEARD.get(int(frame[0]), {})
        rows = np.full((len(contexts), len(SPELLED)), 1e-7)
        for row, (_, last) in zip(rows, contexts, strict=True):
            if last not in tokens:
                row[list(tokens)] = list(tokens.values())
            row[0] = max(1.0 - row[1:].sum(), 1e-7)
        return np.log(rows).astype(np.float32)


def test_a_name_with_a_weak_beginning_survives_without_more_runs_of_the_joint() -> None:
    vocabulary = Vocabulary(Tokenizer(SPELLED, [0.0] * len(SPELLED)))
    # A name with a small pending bonus at first, because many names share its prefix.
    names = [Entry("contacts", name) for name in ("Siobhan", "Si", "Sian", "Siri")]
    frames = np.arange(20, dtype=np.float32)[:, np.newaxis]
    texts, calls = [], []
    for biasing_beam, entries in ((0, names), (2, names), (0, []), (2, [])):
        network = Script()
        search = BeamSearch(
            network, SPELLED, SearchOptions(beam=1, biasing_beam=biasing_beam, min_bonus=0.5)
        )
        biasing = build(Context(tuple(entries)), vocabulary, None, BiasingOptions(letter=0.9))
        state, _ = search.step(search.initial_state(biasing=biasing), frames)
        texts.append(search.result(state).text)
        calls.append(network.calls)
    assert texts == ["call sheobhan", "call siobhan", "call sheobhan", "call sheobhan"]
    assert calls[2] == calls[3]


@unhurried
@given(seed=seeds, beam=st.integers(1, 6))
def test_names_without_weight_change_no_score(
    make_network: MakeNetwork, seed: int, beam: int
) -> None:
    network = make_network(PIECES, seed, blank_bonus=2.0)
    frames = network.frames(20)
    context = Context((Entry("things", "ab", weight=0.0),))
    search = BeamSearch(network, PIECES, SearchOptions(beam=beam))
    results = [
        search.result(search.step(search.initial_state(biasing=biasing), frames)[0])
        for biasing in (None, build(context, VOCABULARY))
    ]
    assert results[0].text == results[1].text
    assert results[0].nbest[0].score == pytest.approx(results[1].nbest[0].score, abs=1.0)
