"""The second pass ranks by attention and CTC together and drops invented words."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from itertools import product

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from auricle.biasing.biasing import Biasing, BiasingOptions, build
from auricle.biasing.vocabulary import Vocabulary
from auricle.context.entries import Context, Entry
from auricle.errors import ArgumentError
from auricle.features import BANDS
from auricle.lattice.lattice import Arc, Lattice
from auricle.lattice.result import Hypothesis, Result
from auricle.recognizer.ctc_alignment import align
from auricle.recognizer.second_pass import (
    SecondPass,
    SecondPassMode,
    SecondPassOptions,
    Utterance,
    certainty,
    loop_starts,
)
from auricle.recognizer.surface_forms import END
from auricle.tokenizer import Tokenizer

TOKENS = Tokenizer(["<blank>", "▁a", "▁b", "▁c"], [0.0, -1.0, -1.0, -1.0])
PIECES = Tokenizer(["<end>", "▁a", "▁b", "▁c"], [0.0, -1.0, -1.0, -1.0])
VOCABULARY = len(PIECES)


@dataclass(frozen=True)
class State:
    """The pieces of each row."""

    prefixes: tuple[tuple[int, ...], ...]

    @property
    def rows(self) -> int:
        return len(self.prefixes)


class Table:
    """An attention scorer with a table of probabilities for each prefix."""

    rows, places, frames, vocabulary = 4, 12, 100, VOCABULARY

    def __init__(self, seed: int, ends: float = 0.0) -> None:
        self._seed, self._ends = seed, ends

    def after(self, prefix: tuple[int, ...]) -> np.ndarray:
        generator = np.random.default_rng([self._seed, *prefix])
        logits = generator.normal(size=VOCABULARY) * 2
        logits[END] += self._ends + len(prefix)
        return (logits - np.log(np.exp(logits).sum())).astype(np.float32)

    def score(self, prefix: tuple[int, ...]) -> float:
        whole = (*prefix, END)
        return float(sum(self.after(prefix[:n])[piece] for n, piece in enumerate(whole)))

    def begin(self, features: np.ndarray, first: int = 0) -> tuple[State, np.ndarray]:
        return State(((),)), self.after(())[np.newaxis]

    def step(
        self, state: State, pieces: Sequence[int], parents: Sequence[int]
    ) -> tuple[State, np.ndarray]:
        assert len(pieces) <= self.rows
        prefixes = tuple(
            (*state.prefixes[parent], piece) for parent, piece in zip(parents, pieces, strict=True)
        )
        assert all(len(prefix) <= self.places for prefix in prefixes)
        return State(prefixes), np.stack([self.after(prefix) for prefix in prefixes])


class Narrow(Table):
    """An attention scorer with few places."""

    places = 3


def heard(tokens: str, sureness: float = 6.0) -> Utterance:
    """Return an utterance in which CTC emits a token in every other frame."""
    wanted = [0] + [place for word in tokens.split() for place in (*TOKENS.encode(word), 0)]
    logits = np.zeros((len(wanted), len(TOKENS)), np.float32)
    logits[np.arange(len(wanted)), wanted] = sureness
    log_probs = logits - np.log(np.exp(logits).sum(axis=1, keepdims=True))
    features = np.zeros((4 * len(wanted), BANDS), np.float32)
    return Utterance(features, 0, log_probs.astype(np.float32), 10.0, 0.04)


def first_pass(*texts: str) -> Result:
    """Return a result with these readings; its lattice does not matter here."""
    lattice = Lattice(2, (Arc(0, 1, "a", 0.0, 0.0, 0.0, 1.0),))
    nbest = tuple(Hypothesis(text, -float(place)) for place, text in enumerate(texts))
    return Result(text=texts[0], nbest=nbest, words=(), lattice=lattice)


def joint_score(table: Table, text: str, utterance: Utterance, weight: float) -> float:
    (alignment,) = align(utterance.log_probs, [TOKENS.encode(text)])
    joint = weight * certainty(utterance.log_probs) ** 2 * alignment.score
    return table.score(tuple(PIECES.encode(text))) + joint


# No word comes twice: `test_sentence_said_once_is_not_among_the_readings_twice` is about those.
TEXTS = st.lists(st.sampled_from("abc"), min_size=1, unique=True).map(" ".join)


@given(
    texts=st.lists(TEXTS, min_size=1, max_size=6, unique=True),
    spoken=st.lists(st.sampled_from("abc"), min_size=4, max_size=5).map(" ".join),
    seed=st.integers(0, 100),
    weight=st.sampled_from([0.0, 0.3, 1.0]),
)
def test_rescoring_ranks_the_hypotheses_of_the_first_pass(
    texts: list[str], spoken: str, seed: int, weight: float
) -> None:
    options = SecondPassOptions(mode=SecondPassMode.RESCORE, paths=6, ctc_weight=weight)
    table, utterance = Table(seed), heard(spoken)
    result = SecondPass(table, PIECES, TOKENS, options).refine(first_pass(*texts), utterance)
    expected = {text: joint_score(table, text, utterance, weight) for text in texts}
    found = {reading.text: reading.score for reading in result.nbest}
    assert found == pytest.approx(expected, abs=1e-3)
    assert result.text == result.nbest[0].text == max(found, key=found.__getitem__)
    assert [word.word for word in result.words] == result.text.split()
    assert all(10.0 <= word.start < word.end for word in result.words)


def test_a_hypothesis_that_is_too_long_is_left_out() -> None:
    utterance = heard("a b c a")
    refine = SecondPass(Narrow(1), PIECES, TOKENS, SecondPassOptions(paths=6)).refine
    rescore = SecondPass(
        Narrow(1), PIECES, TOKENS, SecondPassOptions(mode=SecondPassMode.RESCORE, paths=6)
    ).refine
    both = first_pass("a b c a", "a b")
    assert {reading.text for reading in rescore(both, utterance).nbest} == {"a b"}
    assert "a b c a" not in {reading.text for reading in refine(both, utterance).nbest}
    long = first_pass("a b c a")
    assert rescore(long, utterance) == long


def favouring(*names: str) -> Biasing:
    context = Context(tuple(Entry("media", name, id=name) for name in names))
    options = BiasingOptions(letter=4.0, common=1.0, list_size_penalty=0.0)
    biasing = build(context, Vocabulary(TOKENS), Vocabulary(PIECES), options)
    assert biasing is not None
    return biasing


@given(
    texts=st.lists(TEXTS, min_size=1, max_size=6, unique=True),
    seed=st.integers(0, 100),
    names=st.lists(st.sampled_from(["a b", "c", "b c a", "c c"]), min_size=1, unique=True),
)
def test_names_add_their_bonus_to_a_hypothesis(
    texts: list[str], seed: int, names: list[str]
) -> None:
    options = SecondPassOptions(mode=SecondPassMode.RESCORE, paths=6)
    table, utterance, biasing = Table(seed), heard("a b c a"), favouring(*names)
    refine = SecondPass(table, PIECES, TOKENS, options).refine
    plain = {one.text: one.score for one in refine(first_pass(*texts), utterance).nbest}
    result = refine(first_pass(*texts), utterance, biasing)
    assert biasing.attention is not None
    assert {one.text: one.score for one in result.nbest} == pytest.approx(
        {text: score + biasing.attention.of_text(text) for text, score in plain.items()}, abs=1e-3
    )


def test_biasing_finds_a_name_that_attention_alone_misses() -> None:
    found = 0
    for seed in range(40):
        second, utterance = SecondPass(Table(seed, ends=2.0), PIECES, TOKENS), heard("b c a")
        without = second.refine(first_pass("a b"), utterance)
        result = second.refine(first_pass("a b"), utterance, favouring("b c a"))
        assert result.nbest[0].score >= without.nbest[0].score - 1e-3
        found += "b c a" in result.text and "b c a" not in without.text
        assert result.text.count("b c a") <= 1  # repeating a name earns no more bonus
    assert found > 10


@settings(max_examples=30)
@given(seed=st.integers(0, 100))
def test_a_wide_beam_finds_the_best_hypothesis(seed: int) -> None:
    options = SecondPassOptions(ctc_weight=0.0, contradiction=1e6)
    table, utterance = Table(seed, ends=2.0), heard("a b c a b")
    result = SecondPass(table, PIECES, TOKENS, options).refine(first_pass("a"), utterance)
    everything = [
        pieces for length in range(1, 4) for pieces in product(range(1, VOCABULARY), repeat=length)
    ]
    best = max(everything, key=table.score)
    assert result.nbest[0].score >= table.score(best) - 1.5  # a beam may miss the very best


def test_words_without_support_in_the_audio_are_dropped() -> None:
    spoken = "a b a"
    for seed in range(20):
        table, utterance = Table(seed), heard(spoken, sureness=12.0)
        strict = SecondPassOptions(contradiction=1.0)
        result = SecondPass(table, PIECES, TOKENS, strict).refine(first_pass(spoken), utterance)
        assert result.text == spoken


class Looping(Table):
    """An attention scorer that repeats "b c a" and finds the end always unlikely."""

    places = 40

    def after(self, prefix: tuple[int, ...]) -> np.ndarray:
        logits = np.full(VOCABULARY, -8.0)
        logits[PIECES.encode("b c a")[len(prefix) % 3]] = 2.0
        logits[END] = -9.0
        return (logits - np.log(np.exp(logits).sum())).astype(np.float32)


def test_a_loop_is_cut_where_its_first_round_ended() -> None:
    second = SecondPass(Looping(0), PIECES, TOKENS, SecondPassOptions(beam=1))
    assert second.refine(first_pass("a b"), heard("b c a")).text == "b c a"
    assert second.refine(first_pass("a b"), heard("b c a b c a")).text == "b c a b c a"


class Repeating(Table):
    """An attention scorer that often reads "a b c" twice."""

    def after(self, prefix: tuple[int, ...]) -> np.ndarray:
        sentence = PIECES.encode("a b c")
        wanted = sentence[len(prefix) % 3]
        logits = np.full(VOCABULARY, -9.0)
        logits[wanted] = 2.0
        if len(prefix) == 3:
            logits[END] = 2.5
        if len(prefix) == 6:
            logits[:] = -9.0
            logits[END] = 2.0
        return (logits - np.log(np.exp(logits).sum())).astype(np.float32)


def test_sentence_said_once_is_not_among_the_readings_twice() -> None:
    second = SecondPass(Repeating(0), PIECES, TOKENS)
    for spoken, twice in (("a b c", False), ("a b c a b c", True)):
        result = second.refine(first_pass("a b c", "a b"), heard(spoken))
        texts = [reading.text for reading in result.nbest]
        assert "a b c" in texts
        assert ("a b c a b c" in texts) is twice
        assert twice or all(path.text != "a b c a b c" for path in result.lattice.nbest(20))


@pytest.mark.parametrize(
    ("pieces", "starts"),
    [
        ([4, 4, 4, 4], []),  # a telephone number may hold this
        ([9, 4, 4, 4, 4, 4], [5, 4, 3, 2]),
        ([1, 2, 1, 2, 1, 2], []),
        ([7, 1, 2, 1, 2, 1, 2, 1, 2], [7, 5, 3]),
        ([1, 2, 3, 1, 2, 3], []),
        ([5, 1, 2, 3, 1, 2, 3, 1, 2, 3], [7, 4]),
        ([1, 2, 3, 1, 2, 3, 1, 2, 4], []),
    ],
)
def test_only_many_repetitions_are_a_loop(
    pieces: list[int], starts: list[int]
) -> None:
    assert loop_starts(pieces) == starts


def test_a_result_without_words_is_not_refined() -> None:
    nothing = replace(first_pass("a"), text="", nbest=(Hypothesis("", 0.0),))
    assert SecondPass(Table(0), PIECES, TOKENS).refine(nothing, heard("")) is nothing


@pytest.mark.parametrize("field", ["paths", "beam", "ctc_weight", "contradiction"])
def test_impossible_options_are_refused(field: str) -> None:
    with pytest.raises(ArgumentError, match=field):
        SecondPassOptions(**{field: -1})


def test_the_weight_of_ctc_falls_with_its_certainty() -> None:
    options = SecondPassOptions(ctc_weight=0.4)
    weights = [options.weight(certainty(heard("a b c", sure).log_probs)) for sure in (12, 2, 1)]
    assert weights[0] == pytest.approx(0.4, abs=1e-3)
    assert weights == sorted(weights, reverse=True)
    assert weights[1] == pytest.approx(0.4 * certainty(heard("a", 2.0).log_probs) ** 2, rel=0.01)
    assert certainty(heard("").log_probs) == 0.0  # only blank: no certainty
