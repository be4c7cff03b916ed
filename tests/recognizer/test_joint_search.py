"""Beam search with CTC and with the word language model, against their definitions."""

from __future__ import annotations

import itertools
import math
from collections import defaultdict
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from auricle.biasing.biasing import BiasingOptions, build
from auricle.biasing.vocabulary import Vocabulary
from auricle.context.entries import Context, Entry
from auricle.errors import ArgumentError, ModelError
from auricle.recognizer.beam_search import BeamSearch, SearchOptions
from auricle.recognizer.language_model import NgramLevel
from auricle.recognizer.lexicon import build_lexicon
from auricle.recognizer.shallow_fusion import Weights
from auricle.recognizer.word_model import WordModel, pack
from auricle.recognizer.word_scores import WordScores
from auricle.tokenizer import Tokenizer

PIECES = ("<blank>", "▁a", "b", "▁c")
seeds = st.integers(0, 10**6)
unhurried = settings(deadline=None, max_examples=25)
Make = Any
Tokens = tuple[int, ...]


def wide(weights: Weights, floor: float = 1e6) -> SearchOptions:
    return SearchOptions(
        beam=10**5,
        score_beam=1e6,
        alternatives=10**5,
        joined_words=10**5,
        lattice_beam=1e6,
        nbest=10**5,
        weights=weights,
        ctc_floor=floor,
        skip_blank=1.0,
    )


def rows_of(seed: int, count: int, pieces: Sequence[str] = PIECES) -> NDArray[np.float32]:
    """Return CTC's log probabilities of frames."""
    logits = np.random.default_rng(seed).normal(scale=2.0, size=(count, len(pieces)))
    return (logits - np.log(np.exp(logits).sum(axis=1, keepdims=True))).astype(np.float32)


def ctc_sums(rows: NDArray[np.float32]) -> dict[Tokens, float]:
    """Return CTC's log probability of each token sequence, summed over all alignments."""
    sums: dict[Tokens, float] = defaultdict(float)
    for labels in itertools.product(range(rows.shape[1]), repeat=len(rows)):
        tokens = tuple(label for label, _ in itertools.groupby(labels) if label)
        sums[tokens] += math.exp(
            sum(float(row[label]) for row, label in zip(rows, labels, strict=True))
        )
    return {tokens: math.log(total) for tokens, total in sums.items()}


def transducer_sums(network: Any, frames: NDArray[np.float32]) -> dict[Tokens, float]:
    """Return the same for the transducer, where a token ends its frame."""
    sums: dict[Tokens, float] = {(): 1.0}
    for frame in frames:
        after: dict[Tokens, float] = defaultdict(float)
        for tokens, probability in sums.items():
            row = np.exp(network.log_probs(frame, [((0, 0) + tokens)[-2:]])[0].astype(float))
            after[tokens] += probability * row[0]
            for token in range(1, len(row)):
                after[*tokens, token] += probability * row[token]
        sums = after
    return {tokens: math.log(total) for tokens, total in sums.items()}


def text_of(tokens: Tokens) -> str:
    return "".join(PIECES[token] for token in tokens).replace("▁", " ").strip()


def found_by(search: BeamSearch, frames: Any, ctc: Any) -> dict[str, float]:
    state, _ = search.step(search.initial_state(), frames, ctc)
    return {reading.text: reading.score for reading in search.result(state).nbest}


@unhurried
@given(seed=seeds, share=st.sampled_from([0.0, 0.3, 1.0]))
def test_scores_are_both_sums_mixed(make_network: Make, seed: int, share: float) -> None:
    # Texts of up to two tokens equal their context, so no two of them share a future.
    network = make_network(PIECES, seed)
    frames, ctc = network.frames(2), rows_of(seed, 2)
    found = found_by(BeamSearch(network, PIECES, wide(Weights(ctc=share))), frames, ctc)
    heard, said = ctc_sums(ctc), transducer_sums(network, frames)
    expected = {
        text_of(tokens): (1 - share) * said[tokens] + share * heard[tokens] for tokens in heard
    }
    for text, score in expected.items():
        assert found[text] == pytest.approx(score, abs=1e-4)
    # CTC needs three frames to repeat a token: the text is found, but far behind.
    if share == 0.3:
        assert found["a a"] < min(expected.values()) - 1000


@unhurried
@given(seed=seeds, frames=st.integers(3, 5))
def test_the_best_text_by_ctc_is_the_best_of_all(
    make_network: Make, seed: int, frames: int
) -> None:
    ctc = rows_of(seed, frames)
    network = make_network(PIECES, seed)
    search = BeamSearch(network, PIECES, wide(Weights(ctc=1.0)))
    state, progress = search.step(search.initial_state(), network.frames(frames), ctc)
    sums = ctc_sums(ctc)
    best = search.result(state).nbest[0]
    assert best.text == progress.text
    told = {text_of(tokens): total for tokens, total in sums.items()}
    # Hypotheses with the same future are merged and keep the streams of the better.
    assert best.score == pytest.approx(told[best.text], abs=0.3)
    assert best.score >= max(told.values()) - math.log(2)
    assert not network.calls  # the joint has no share


def test_missing_or_broken_ctc_scores_are_refused(make_network: Make) -> None:
    network = make_network(PIECES)
    search = BeamSearch(network, PIECES, SearchOptions(weights=Weights(ctc=0.5)))
    state, frames = search.initial_state(), network.frames(4)
    with pytest.raises(ArgumentError, match="ctc is missing"):
        search.step(state, frames)
    with pytest.raises(ArgumentError, match="ctc must be of shape"):
        search.step(state, frames, rows_of(0, 3))
    rows = rows_of(0, 4)
    rows[2, 1] = np.nan
    with pytest.raises(ModelError, match="finite at search frame 2"):
        search.step(state, frames, rows)


def test_the_joint_does_not_run_on_frames_that_are_blank_by_ctc(make_network: Make) -> None:
    network = make_network(PIECES)
    rows = np.log(np.full((10, len(PIECES)), 0.001, np.float32))
    rows[:, 0] = np.log(0.997)
    rows[4] = np.log([0.1, 0.7, 0.1, 0.1])
    options = SearchOptions(weights=Weights(ctc=0.5), skip_blank=0.99)
    search = BeamSearch(network, PIECES, options)
    frames = np.zeros((10, len(PIECES)), np.float32)
    state, _ = search.step(search.initial_state(), frames, rows)
    assert len(network.calls) == 1 and state.frames == 10


LETTERS = ("<blank>", "▁s", "▁t", "t", "o", "p", "r", "n", "u", "▁r", "▁p")
SPEECH = Tokenizer(LETTERS, [0.0, *[-1.0] * (len(LETTERS) - 1)])
WORDS = ("stop", "turn", "run", "top", "port")


def level(words: Sequence[int], children: Sequence[int], nats: float) -> NgramLevel:
    """Return equally likely n-grams, quantized in steps of a tenth of a nat."""
    return NgramLevel(
        tokens=np.array(words, np.uint32),
        first=np.cumsum([0, *children]),
        log_probs=np.full(len(words), round(-10 * nats), np.uint8),
        backoffs=np.zeros(len(words), np.uint8),
        step=0.1,
        least_backoff=-0.5,
        backoff_step=0.1,
    )


@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory) -> WordModel:
    """Five words: any may begin a sentence, and the fifth follows the first."""
    lexicon = build_lexicon([SPEECH.encode(word) for word in WORDS])
    levels = [level(range(6), [5, 1, 0, 0, 0, 0], -2.0), level([1, 2, 3, 4, 5, 5], [0] * 6, -1.6)]
    path = tmp_path_factory.mktemp("words") / "words.bin"
    path.write_bytes(pack(lexicon, levels, LETTERS))
    return WordModel.load(path, LETTERS)


BOTH = Weights(words=0.5, word_reward=0.5, reward=0.2, unknown=-3.0, ctc=0.4)


def spoken(text: str, sure: float, other: str = "") -> NDArray[np.float32]:
    """Return CTC's rows of a text, one token per frame, each next to an equally likely rival."""
    tokens, others = SPEECH.encode(text), SPEECH.encode(other or text)
    rows = np.full((2 * len(tokens), len(LETTERS)), 1e-4)
    for place, (token, rival) in enumerate(zip(tokens, others, strict=True)):
        rows[2 * place, rival] += 1 - sure
        rows[2 * place, token] += sure
    rows[1::2, 0] = 1.0
    return np.log(rows / rows.sum(axis=1, keepdims=True)).astype(np.float32)


class Echo:
    """A transducer that repeats CTC's scores: the frame holds the row."""

    def log_probs(self, frame: Any, contexts: Any) -> Any:
        return np.tile(frame, (len(contexts), 1))


def read(model: WordModel | None, rows: Any, weights: Weights = BOTH, **more: Any) -> str:
    search = BeamSearch(Echo(), LETTERS, SearchOptions(weights=weights), None, model)
    biasing = more.get("biasing")
    state, progress = search.step(search.initial_state(biasing=biasing), rows, rows)
    assert search.result(state).text == progress.text
    return progress.text


def test_words_correct_a_misspelling(model: WordModel) -> None:
    rows = spoken("tupn", 0.6, "turn")
    assert read(None, rows, Weights(ctc=0.4)) == "tupn"
    assert read(model, rows) == "turn"


def test_a_clearly_spelled_word_outside_the_lexicon_is_written(model: WordModel) -> None:
    assert read(model, spoken("tupn", 0.999, "turn")) == "tupn"
    assert read(model, spoken("tupn", 0.6, "turn"), Weights(words=0.5, unknown=-60.0)) == "turn"


def test_a_name_outside_the_lexicon_needs_less_evidence(model: WordModel) -> None:
    rows = spoken("tupn", 0.8, "turn")
    assert read(model, rows) == "turn"
    context = Context((Entry("contacts", "Tupn"),))
    biasing = build(context, Vocabulary(SPEECH), None, BiasingOptions())
    assert read(model, rows, biasing=biasing) == "tupn"


def test_one_word_is_a_whole_command(model: WordModel) -> None:
    assert read(model, spoken("stop", 0.9, "srop")) == "stop"


def test_silence_stays_empty(model: WordModel) -> None:
    rows = np.log(np.full((30, len(LETTERS)), 0.03, np.float32))
    rows[:, 0] = np.log(0.73)
    assert read(model, rows) == ""


@unhurried
@given(seed=seeds)
def test_the_graph_score_of_a_path_is_the_score_of_its_words(
    make_network: Make, model: WordModel, seed: int
) -> None:
    network = make_network(LETTERS, seed)
    search = BeamSearch(network, LETTERS, wide(BOTH), None, model)
    state, _ = search.step(search.initial_state(), network.frames(2), rows_of(seed, 2, LETTERS))
    scores = WordScores(model, LETTERS, BOTH.unknown)
    checked = 0
    for path in search.result(state).lattice.nbest(10**5):
        if not {"s"}.issuperset(path.words):  # the others have several spellings
            continue
        where, expected = scores.initial_state(), 0.0
        for token in (LETTERS.index("▁" + word) for word in path.words):
            expected += 0.5 * float(scores.gains(where)[token]) + 0.7
            where = scores.step(where, token)
        expected += 0.5 * scores.end(where)
        assert sum(arc.graph for arc in path.arcs) == pytest.approx(expected, abs=1e-3)
        checked += 1
    assert checked == 3


@unhurried
@given(seed=seeds, cuts=st.lists(st.integers(0, 20), max_size=5), beam=st.integers(1, 6))
def test_any_chunking_gives_the_same(
    make_network: Make, model: WordModel, seed: int, cuts: list[int], beam: int
) -> None:
    network = make_network(LETTERS, seed, blank_bonus=2.0)
    frames, ctc = network.frames(20), rows_of(seed, 20, LETTERS)
    search = BeamSearch(network, LETTERS, SearchOptions(beam=beam, weights=BOTH), None, model)
    whole, progress = search.step(search.initial_state(), frames, ctc)
    assert np.isfinite(whole.scores).all()
    state, places = search.initial_state(), sorted(cuts)
    for part, rows in zip(np.split(frames, places), np.split(ctc, places), strict=True):
        state, last = search.step(state, part, rows)
    assert last == progress
    assert search.result(state) == search.result(whole)


def test_a_weight_without_a_word_language_model_is_refused(make_network: Make) -> None:
    with pytest.raises(ArgumentError, match="there is no word language model"):
        BeamSearch(make_network(PIECES), PIECES, SearchOptions(weights=Weights(words=0.5)))


def test_a_word_model_file_is_not_a_token_model_file(model: WordModel, tmp_path: Path) -> None:
    assert model.lexicon.is_whole()
    with pytest.raises(ModelError, match="cannot be read"):
        WordModel.load(tmp_path / "missing.bin", LETTERS)
