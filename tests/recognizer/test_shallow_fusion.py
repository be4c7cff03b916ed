"""Shallow fusion: the scores that language models add, and that nothing else changes."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from auricle.errors import ArgumentError
from auricle.recognizer.beam_search import BeamSearch, SearchOptions
from auricle.recognizer.language_model import LanguageModel
from auricle.recognizer.shallow_fusion import Fusion, LanguageContext, LanguageState, Weights

PIECES = ("<blank>", "▁a", "▁b", "▁c")  # every token is a word
KNOTTY_PIECES = ("<blank>", "▁", "▁a", "b", "▁ab")
seeds = st.integers(0, 10**6)
unhurried = settings(deadline=None, max_examples=20)
BOTH = Weights(language=0.6, internal=0.3, reward=0.5)
Make = Any


@pytest.fixture(scope="module")
def load(tmp_path_factory: pytest.TempPathFactory, make_language: Make) -> Make:
    """Return a factory of language models."""

    def make(pieces: tuple[str, ...], seed: int = 0) -> LanguageModel:
        path = tmp_path_factory.mktemp("language") / "ngram.bin"
        path.write_bytes(make_language(pieces, seed).content)
        return LanguageModel.load(path, pieces)

    return make


def wide(weights: Weights) -> SearchOptions:
    return SearchOptions(
        beam=10**5,
        score_beam=1e6,
        max_symbols=1,
        alternatives=10**5,
        joined_words=10**5,
        lattice_beam=1e6,
        nbest=10**5,
        weights=weights,
    )


def says(network: Any, model: LanguageModel, tokens: list[int], weights: Weights) -> float:
    """Return the language score of a token sequence by definition."""
    total, state = 0.0, model.initial_state()
    for place, token in enumerate(tokens):
        context = (0, [0, *tokens][place])
        silent = np.exp(network.log_probs(np.zeros(len(PIECES), np.float32), [context])[0])
        internal = max(-12, np.log(silent[token] / silent[1:].sum()))
        total += weights.language * float(model.log_probs(state)[token])
        total += weights.reward - weights.internal * float(internal)
        state = model.step(state, token)
    return total


@unhurried
@given(seed=seeds, language=st.floats(0.1, 1), internal=st.floats(0, 1), reward=st.floats(-2, 2))
def test_the_lattice_keeps_acoustic_and_graph_scores_apart(
    make_network: Make, load: Make, seed: int, language: float, internal: float, reward: float
) -> None:
    # Texts of up to two tokens equal their context, so no two of them share a future.
    network, model = make_network(PIECES, seed), load(PIECES, seed)
    weights = Weights(language=language, internal=internal, reward=reward)
    frames = network.frames(2)
    plain = BeamSearch(network, PIECES, wide(Weights()))
    fused = BeamSearch(network, PIECES, wide(weights), model)
    sound = {
        reading.text: reading.score
        for reading in plain.result(plain.step(plain.initial_state(), frames)[0]).nbest
    }
    result = fused.result(fused.step(fused.initial_state(), frames)[0])
    paths = result.lattice.nbest(10**5)
    assert {path.text for path in paths} == set(sound)
    for path in paths:
        tokens = [PIECES.index("▁" + word) for word in path.words]
        acoustic = sum(arc.acoustic for arc in path.arcs)
        graph = sum(arc.graph for arc in path.arcs)
        assert acoustic == pytest.approx(sound[path.text], abs=1e-4)
        assert graph == pytest.approx(says(network, model, tokens, weights), abs=1e-3)


@unhurried
@given(seed=seeds, beam=st.integers(1, 6))
def test_weights_of_zero_equal_no_language_model(
    make_network: Make, load: Make, seed: int, beam: int
) -> None:
    network = make_network(KNOTTY_PIECES, seed, blank_bonus=2.0)
    frames = network.frames(20)
    without = BeamSearch(network, KNOTTY_PIECES, SearchOptions(beam=beam))
    off = BeamSearch(network, KNOTTY_PIECES, SearchOptions(beam=beam), load(KNOTTY_PIECES, seed))
    states = [search.step(search.initial_state(), frames)[0] for search in (without, off)]
    assert without.result(states[0]) == off.result(states[1])
    assert all(arc.graph == 0 for arc in off.result(states[1]).lattice.arcs)


@unhurried
@given(seed=seeds, cuts=st.lists(st.integers(0, 20), max_size=5), beam=st.integers(1, 6))
def test_any_chunking_gives_the_same(
    make_network: Make, load: Make, seed: int, cuts: list[int], beam: int
) -> None:
    network = make_network(KNOTTY_PIECES, seed, blank_bonus=2.0)
    frames = network.frames(20)
    options = SearchOptions(beam=beam, weights=BOTH)
    search = BeamSearch(network, KNOTTY_PIECES, options, load(KNOTTY_PIECES, seed))
    whole, progress = search.step(search.initial_state(), frames)
    state = search.initial_state()
    for part in np.split(frames, sorted(cuts)):
        state, last = search.step(state, part)
    assert last == progress
    assert search.result(state) == search.result(whole)


@unhurried
@given(seed=seeds)
def test_the_best_path_has_the_score_of_the_search(
    make_network: Make, load: Make, seed: int
) -> None:
    network = make_network(PIECES, seed, blank_bonus=1.0)
    options = SearchOptions(beam=4, weights=BOTH)
    search = BeamSearch(network, PIECES, options, load(PIECES, seed))
    state, progress = search.step(search.initial_state(), network.frames(25))
    result = search.result(state)
    assert result.text == progress.text
    assert result.nbest[0].score == pytest.approx(float(state.scores.max()), abs=1e-5)
    best = result.lattice.best_path()
    graph = state.hypotheses[int(np.argmax(state.scores))].graph
    assert sum(arc.graph for arc in best.arcs) == pytest.approx(graph, abs=1e-5)


def test_language_decides_between_equal_acoustic_scores(make_network: Make, load: Make) -> None:
    model = load(PIECES, 3)
    scores = model.log_probs(model.initial_state())
    likely, unlikely = int(scores[1:].argmax()) + 1, int(scores[1:].argmin()) + 1

    class Torn:
        def log_probs(self, frame: Any, contexts: Any) -> Any:
            rows = np.full((len(contexts), len(PIECES)), -20.0, np.float32)
            rows[:, 0] = -0.01
            if frame[0] and (0, 0) in contexts:
                rows[contexts.index((0, 0)), [0, likely, unlikely]] = -9.0, -1.0, -0.9
            return rows

    frames = np.array([[0.0], [1.0], [0.0]], np.float32)
    for weight, expected in ((0.0, unlikely), (1.0, likely)):
        options = SearchOptions(max_symbols=1, weights=Weights(language=weight))
        search = BeamSearch(Torn(), PIECES, options, model)
        _, progress = search.step(search.initial_state(), frames)
        assert progress.text == PIECES[expected][1:]


def test_the_networks_run_once_for_each_last_token(make_network: Make, load: Make) -> None:
    network = make_network(PIECES)
    fusion = Fusion(network, len(PIECES), BOTH, load(PIECES))
    places = [
        LanguageContext(0, fusion.initial_state()),
        LanguageContext(1, LanguageState()),
        LanguageContext(0, LanguageState((2,))),
    ]
    first = fusion.of([*places, places[0]], width=4)
    assert network.calls == [1, 1]
    assert (first[0] == first[3]).all()
    assert (first[:, 0] == 0).all()
    assert (fusion.of(places, width=4) == first[:3]).all()
    assert network.calls == [1, 1]


@unhurried
@given(seed=seeds, internal=st.floats(0, 1), reward=st.floats(-2, 2))
def test_language_scores_never_exceed_their_bound(
    make_network: Make, load: Make, seed: int, internal: float, reward: float
) -> None:
    weights = Weights(language=0.5, internal=internal, reward=reward)
    fusion = Fusion(make_network(PIECES, seed), len(PIECES), weights, load(PIECES, seed))
    places = [
        LanguageContext(token, fusion.step(LanguageState(), token)) for token in range(len(PIECES))
    ]
    assert (fusion.of(places, width=4)[:, 1:] <= fusion.most[1:] + 1e-5).all()


@pytest.mark.parametrize("wrong", [{"language": -0.1}, {"internal": 1.5}, {"reward": float("nan")}])
def test_impossible_weights_are_refused_by_name(wrong: dict[str, float]) -> None:
    with pytest.raises(ArgumentError, match=next(iter(wrong))):
        Weights(**wrong)


def test_a_weight_without_a_model_is_refused(make_network: Make) -> None:
    with pytest.raises(ArgumentError, match="there is no token language model"):
        BeamSearch(make_network(PIECES), PIECES, SearchOptions(weights=BOTH))
