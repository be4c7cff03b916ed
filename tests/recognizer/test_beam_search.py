"""The beam search against the sum over all alignments, and as a stream."""

from __future__ import annotations

import itertools
import math
from collections import defaultdict
from collections.abc import Sequence
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from auricle.errors import ArgumentError, ModelError
from auricle.lattice.lattice import Lattice
from auricle.lattice.result import Result
from auricle.recognizer import word_history
from auricle.recognizer.beam_search import BeamSearch, SearchOptions, SearchState
from auricle.recognizer.word_history import HistoryLimits, Node, WordLinks

PIECES = ("<blank>", "▁a", "b", "▁c")
# One text may have several segmentations, and a word may have no letters.
KNOTTY_PIECES = ("<blank>", "▁", "▁a", "b", "▁ab")
seeds = st.integers(0, 10**6)
unhurried = settings(deadline=None, max_examples=25)
MakeNetwork = Any


def wide(max_symbols: int = 2) -> SearchOptions:
    return SearchOptions(
        beam=10**5,
        score_beam=1e6,
        max_symbols=max_symbols,
        alternatives=10**5,
        joined_words=10**5,
        lattice_beam=1e6,
        nbest=10**5,
    )


def words_of(tokens: Sequence[int], pieces: Sequence[str]) -> tuple[str, ...]:
    return tuple("".join(pieces[token] for token in tokens).replace("▁", " ").split())


def sum_over_alignments(
    network: Any, frames: NDArray[np.float32], max_symbols: int
) -> dict[tuple[str, ...], float]:
    """Return the log probability of each word sequence, summed over all alignments."""
    size = len(network.pieces)
    contexts = list(itertools.product(range(size), repeat=2))
    sequences = {(): 1.0}  # probability of each token sequence before the frame
    for frame in frames:
        rows = dict(
            zip(contexts, np.exp(network.log_probs(frame, contexts).astype(float)), strict=True)
        )
        after: dict[tuple[int, ...], float] = defaultdict(float)
        for emitted in range(max_symbols + 1):
            longer = {}
            for tokens, probability in sequences.items():
                row = rows[((0, 0) + tokens)[-2:]]
                ended = emitted == max_symbols == 1  # the only token of a frame ends it
                after[tokens] += probability * (1.0 if ended else row[0])
                for token in range(1, size) if emitted < max_symbols else ():
                    longer[(*tokens, token)] = probability * row[token]
            sequences = longer
        sequences = dict(after)
    sums: dict[tuple[str, ...], float] = defaultdict(float)
    for tokens, probability in sequences.items():
        sums[words_of(tokens, network.pieces)] += probability
    return {words: math.log(total) for words, total in sums.items()}


def sum_over_histories(state: SearchState) -> dict[tuple[str, ...], float]:
    """Return the log probability of each word sequence, summed over the paths kept."""
    readings = [
        (hypothesis.word, WordLinks(hypothesis.branches, score, hypothesis.graph))
        for hypothesis, score in zip(state.hypotheses, state.scores.tolist(), strict=True)
    ]
    ends = word_history.endings(readings, HistoryLimits(10**5, 1e6, 10**5))

    def paths_to(node: Node) -> list[tuple[tuple[str, ...], float]]:
        if not node.branches:
            return [((), 0.0)]
        return [
            ((*words, node.word), offset + branch.offset)
            for branch in node.branches
            for words, offset in paths_to(branch.source)
        ]

    sums: dict[tuple[str, ...], float] = defaultdict(float)
    for last, branch in ends.words:
        for words, offset in paths_to(branch.source):
            whole = (*words, last) if last else words
            sums[whole] += math.exp(ends.score + branch.offset + offset)
    return {words: math.log(total) for words, total in sums.items()}


@unhurried
@given(seed=seeds, pieces=st.sampled_from([PIECES, KNOTTY_PIECES]))
def test_histories_hold_the_summed_probability_of_every_word_sequence(
    make_network: MakeNetwork, seed: int, pieces: tuple[str, ...]
) -> None:
    network = make_network(pieces, seed)
    frames = network.frames(2)
    search = BeamSearch(network, pieces, wide())
    state, _ = search.step(search.initial_state(), frames)
    expected = sum_over_alignments(network, frames, max_symbols=2)
    assert sum_over_histories(state) == pytest.approx(expected, abs=1e-5)


@unhurried
@given(seed=seeds)
def test_nbest_scores_are_the_sums_over_alignments(make_network: MakeNetwork, seed: int) -> None:
    # Texts of up to two tokens equal their context, so no two of them share a future.
    network = make_network(PIECES, seed)
    frames = network.frames(2)
    search = BeamSearch(network, PIECES, wide(max_symbols=1))
    state, _ = search.step(search.initial_state(), frames)
    expected = sum_over_alignments(network, frames, max_symbols=1)
    found = {reading.text: reading.score for reading in search.result(state).nbest}
    assert found == pytest.approx(
        {" ".join(words): total for words, total in expected.items()}, abs=1e-4
    )


@unhurried
@given(seed=seeds)
def test_the_best_score_does_not_exceed_the_sum_over_its_alignments(
    make_network: MakeNetwork, seed: int
) -> None:
    network = make_network(PIECES, seed)
    frames = network.frames(3)
    search = BeamSearch(network, PIECES, wide())
    state, _ = search.step(search.initial_state(), frames)
    best = search.result(state).nbest[0]
    expected = sum_over_alignments(network, frames, max_symbols=2)
    assert best.score <= expected[tuple(best.text.split())] + 1e-4
    assert best.score >= max(expected.values()) - math.log(2)


@st.composite
def chunks(draw: st.DrawFn, length: int = 20) -> list[slice]:
    cuts = sorted(draw(st.lists(st.integers(0, length), max_size=6)))
    return [slice(start, stop) for start, stop in zip([0, *cuts], [*cuts, length], strict=True)]


@unhurried
@given(seed=seeds, parts=chunks(), beam=st.integers(1, 6))
def test_any_chunking_gives_the_same(
    make_network: MakeNetwork, seed: int, parts: list[slice], beam: int
) -> None:
    network = make_network(KNOTTY_PIECES, seed, blank_bonus=2.0)
    frames = network.frames(20)
    search = BeamSearch(network, KNOTTY_PIECES, SearchOptions(beam=beam))
    whole, progress = search.step(search.initial_state(3.0), frames)
    state = search.initial_state(3.0)
    for part in parts:
        state, last = search.step(state, frames[part])
    assert last == progress
    assert search.result(state) == search.result(whole)


@unhurried
@given(seed=seeds)
def test_looking_ahead_changes_nothing(make_network: MakeNetwork, seed: int) -> None:
    network = make_network(PIECES, seed, blank_bonus=2.0)
    frames = network.frames(20)
    search = BeamSearch(network, PIECES)
    straight, _ = search.step(search.initial_state(), frames)
    state, before = search.step(search.initial_state(), frames[:10])
    result = search.result(state)
    peeked, _ = search.step(state, network.frames(5))
    search.result(peeked)
    assert search.progress(state) == before
    assert search.result(state) == result
    state, _ = search.step(state, frames[10:])
    assert search.result(state) == search.result(straight)
    with pytest.raises(ValueError, match="read-only"):
        state.scores[0] = 0.0


@unhurried
@given(seed=seeds, beam=st.integers(1, 8))
def test_best_path_of_the_lattice_is_the_best_text_with_its_score(
    make_network: MakeNetwork, seed: int, beam: int
) -> None:
    network = make_network(PIECES, seed, blank_bonus=1.0)
    search = BeamSearch(network, PIECES, SearchOptions(beam=beam))
    state, progress = search.step(search.initial_state(), network.frames(25))
    result = search.result(state)
    path = result.lattice.best_path()
    assert path.text == result.text == result.nbest[0].text == progress.text
    assert path.words == tuple(word.word for word in result.words)
    assert path.score == pytest.approx(float(state.scores.max()), abs=1e-5)
    assert sum(arc.score for arc in path.arcs) == pytest.approx(path.score, abs=1e-5)
    scores = [reading.score for reading in result.nbest]
    assert scores == sorted(scores, reverse=True)
    assert len({reading.text for reading in result.nbest}) == len(result.nbest)
    assert all(0 <= word.confidence <= 1 for word in result.words)


@unhurried
@given(seed=seeds, start_time=st.sampled_from([0.0, 12.34]))
def test_words_do_not_overlap_on_any_path(
    make_network: MakeNetwork, seed: int, start_time: float
) -> None:
    network = make_network(KNOTTY_PIECES, seed)
    search = BeamSearch(network, KNOTTY_PIECES)
    state, _ = search.step(search.initial_state(start_time), network.frames(12))
    lattice = search.result(state).lattice
    assert min(arc.start for arc in lattice.arcs) >= start_time
    assert max(arc.end for arc in lattice.arcs) <= start_time + 12 * 0.04 + 1e-4
    for arc in lattice.arcs:
        assert arc.start <= arc.end
        assert all(
            arc.end <= following.start
            for following in lattice.arcs
            if following.source == arc.target
        )


class Script:
    """A network that emits scripted tokens, else blank.

    At a scripted frame it emits one of the frame's tokens, unless the last token is one of them.
    """

    def __init__(self, vocabulary: int, script: dict[int, dict[int, float]]) -> None:
        self.vocabulary = vocabulary
        self.script = script  # probability of each token at each frame
        self.calls: list[int] = []

    def frames(self, count: int) -> NDArray[np.float32]:
        return np.arange(count, dtype=np.float32)[:, np.newaxis]

    def log_probs(
        self, frame: NDArray[np.float32], contexts: Sequence[tuple[int, int]]
    ) -> NDArray[np.float32]:
        self.calls.append(len(contexts))
        rows = np.full((len(contexts), self.vocabulary), 1e-7)
        tokens = self.script.get(int(frame[0]), {})
        for row, (_, last) in zip(rows, contexts, strict=True):
            if last not in tokens:
                for token, probability in tokens.items():
                    row[token] = probability
            row[0] = max(1.0 - row[1:].sum(), 1e-7)
        return np.log(rows).astype(np.float32)


COMMAND = ("<blank>", "▁turn", "▁burn", "▁on", "▁off", "▁the", "▁light", "s")


def decode(script: dict[int, dict[int, float]], count: int, **options: Any) -> Result:
    search = BeamSearch(Script(8, script), COMMAND, SearchOptions(**options))
    frames = Script(8, script).frames(count)
    return search.result(search.step(search.initial_state(), frames)[0])


def test_words_have_times_and_confidences() -> None:
    script = {3: {1: 0.9, 2: 0.1}, 10: {5: 0.999}, 20: {6: 0.999}, 22: {7: 0.999}}
    result = decode(script, 30, lattice_beam=5.0)
    assert result.text == "turn the lights"
    times = [(word.start, word.end) for word in result.words]
    assert times == [(0.08, 0.16), (0.36, 0.44), (0.76, 0.92)]
    confidences = [word.confidence for word in result.words]
    assert confidences == pytest.approx([0.9, 0.999, 0.999], abs=0.005)
    assert {reading.text: math.exp(reading.score) for reading in result.nbest} == pytest.approx(
        {"turn the lights": 0.9, "burn the lights": 0.1}, abs=0.005
    )


def test_histories_with_the_same_future_are_merged() -> None:
    script = {3: {1: 0.7, 2: 0.3}, 8: {5: 0.9999}, 12: {6: 0.9999}, 16: {3: 0.6, 4: 0.4}}
    script |= {20: {5: 0.9999}, 24: {6: 0.9999}}
    result = decode(script, 30)
    texts = {reading.text for reading in result.nbest}
    assert texts == {
        f"{first} the light {second} the light"
        for first in ("turn", "burn")
        for second in ("on", "off")
    }
    # Histories are merged two tokens after they differ. A tree of the four readings has 18 arcs.
    assert len(result.lattice.arcs) == 12
    # Two hypotheses are enough: merged alternatives take no place in the beam.
    assert {reading.text for reading in decode(script, 30, beam=2).nbest} == texts


def test_silence_is_measured_from_the_last_token() -> None:
    script = {3: {1: 0.999}, 20: {2: 0.2}}
    network = Script(8, script)
    search = BeamSearch(network, COMMAND)
    frames = network.frames(24)
    state, progress = search.step(search.initial_state(), frames[:3])
    assert (progress.text, progress.trailing_seconds) == ("", pytest.approx(3 * 0.04))
    assert progress.blank == pytest.approx(1.0, abs=1e-4)
    state, progress = search.step(state, frames[3:4])
    assert (progress.text, progress.trailing_seconds, progress.blank) == ("turn", 0.0, 0.0)
    state, progress = search.step(state, frames[4:])
    assert (progress.text, progress.trailing_seconds) == ("turn", pytest.approx(20 * 0.04))
    assert progress.blank == pytest.approx((19 + 0.8) / 20, abs=1e-4)


def test_the_empty_reading_competes_with_its_score() -> None:
    result = decode({3: {1: 0.25}}, 10)
    assert (result.text, result.words) == ("", ())
    assert {reading.text: math.exp(reading.score) for reading in result.nbest} == pytest.approx(
        {"": 0.75, "turn": 0.25}, abs=0.001
    )


def test_no_frames_give_an_empty_result() -> None:
    search = BeamSearch(Script(8, {}), COMMAND)
    state, progress = search.step(search.initial_state(5.0), np.zeros((0, 1), np.float32))
    result = search.result(state)
    assert (progress.text, progress.trailing_seconds, progress.blank) == ("", 0.0, 0.0)
    assert (result.text, result.words, len(result.nbest)) == ("", (), 1)
    assert (result.lattice.states, result.lattice.arcs[0].start) == (2, 5.0)


def test_networks_run_once_for_a_blank_frame() -> None:
    network = Script(8, {3: {1: 0.6, 2: 0.4}})
    search = BeamSearch(network, COMMAND)
    search.step(search.initial_state(), network.frames(50))
    assert len(network.calls) == 50
    network.calls.clear()
    search = BeamSearch(network, COMMAND, SearchOptions(max_symbols=2))
    search.step(search.initial_state(), network.frames(50))
    assert len(network.calls) == 50 + 1


def test_a_network_without_blank_emits_at_most_max_symbols() -> None:
    class Babble:
        def log_probs(
            self, frame: NDArray[np.float32], contexts: Sequence[tuple[int, int]]
        ) -> NDArray[np.float32]:
            return np.tile(np.float32([-50.0, -0.7, -0.7]), (len(contexts), 1))

    search = BeamSearch(Babble(), ("<blank>", "▁a", "▁b"), SearchOptions(beam=6, max_symbols=2))
    state, _ = search.step(search.initial_state(), np.zeros((6, 1), np.float32))
    result = search.result(state)
    assert len(result.text.split()) <= 2 * 6
    assert len(state.hypotheses) <= 6


@pytest.mark.parametrize("bad", [math.nan, math.inf, -math.inf])
def test_scores_that_are_not_finite_are_refused(
    make_network: MakeNetwork, bad: float
) -> None:
    network = make_network(PIECES)
    frames = network.frames(4)
    frames[2, 1] = bad
    search = BeamSearch(network, PIECES)
    with np.errstate(all="ignore"), pytest.raises(ModelError, match="finite at search frame 2"):
        search.step(search.initial_state(), frames)


def test_scores_of_another_vocabulary_are_refused(make_network: MakeNetwork) -> None:
    network = make_network(PIECES)
    search = BeamSearch(network, KNOTTY_PIECES)
    with pytest.raises(ModelError, match="shape"):
        search.step(search.initial_state(), network.frames(1))


def test_frames_of_another_shape_are_refused(make_network: MakeNetwork) -> None:
    search = BeamSearch(make_network(PIECES), PIECES)
    with pytest.raises(ArgumentError, match="frames"):
        search.step(search.initial_state(), np.zeros(4, np.float32))


@pytest.mark.parametrize(
    "wrong",
    [{"beam": 0}, {"max_symbols": 0}, {"score_beam": math.nan}, {"frame_seconds": 0.0}],
)
def test_impossible_options_are_refused_by_name(wrong: dict[str, Any]) -> None:
    with pytest.raises(ArgumentError, match=next(iter(wrong))):
        SearchOptions(**wrong)


@unhurried
@given(seed=seeds)
def test_the_beam_may_change_within_an_utterance(make_network: MakeNetwork, seed: int) -> None:
    network = make_network(PIECES, seed, blank_bonus=2.0)
    frames = network.frames(20)
    narrow = BeamSearch(network, PIECES, SearchOptions(beam=1))
    broad = BeamSearch(network, PIECES, SearchOptions(beam=8))
    state, _ = broad.step(broad.initial_state(), frames[:10])
    state, _ = narrow.step(state, frames[10:15])
    assert len(state.hypotheses) == 1
    state, _ = broad.step(state, frames[15:])
    assert isinstance(broad.result(state).lattice, Lattice)
