"""The lattice algorithms against an enumeration of all paths."""

from __future__ import annotations

import math
from collections.abc import Callable

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from auricle.errors import ArgumentError
from auricle.lattice.confidence import word_confidences
from auricle.lattice.lattice import Arc, Lattice, log_add

MakeLattice = Callable[[int], Lattice]
seeds = st.integers(0, 10**6)
unhurried = settings(deadline=None)


def all_paths(lattice: Lattice) -> list[tuple[int, ...]]:
    """Return every path as the indices of its arcs."""
    done, growing = [], [((), 0)]
    while growing:
        path, state = growing.pop()
        if state == lattice.final:
            done.append(path)
        for index, arc in enumerate(lattice.arcs):
            if arc.source == state:
                growing.append(((*path, index), arc.target))
    return done


def score_of(lattice: Lattice, path: tuple[int, ...]) -> float:
    return sum(lattice.arcs[index].score for index in path)


def arc(source: int, target: int, word: str, score: float = -1.0, **other: float) -> Arc:
    times = {"start": float(source), "end": float(target)} | other
    return Arc(source, target, word, score, 0.0, times["start"], times["end"])


@unhurried
@given(seed=seeds)
def test_nbest_is_the_best_path_of_each_word_sequence_in_order(
    make_lattice: MakeLattice, seed: int
) -> None:
    lattice = make_lattice(seed)
    best: dict[tuple[str, ...], float] = {}
    for path in all_paths(lattice):
        words = tuple(lattice.arcs[index].word for index in path if lattice.arcs[index].word)
        best[words] = max(best.get(words, -math.inf), score_of(lattice, path))
    expected = sorted(best.values(), reverse=True)
    found = lattice.nbest(len(best) + 5)
    assert [path.score for path in found] == pytest.approx(expected)
    assert {path.words: path.score for path in found} == pytest.approx(best)
    for path in found:
        assert sum(step.score for step in path.arcs) == pytest.approx(path.score)
    assert lattice.nbest(2) == found[:2]
    assert lattice.best_path() == found[0]


@unhurried
@given(seed=seeds)
def test_posteriors_are_the_share_of_the_paths_through_an_arc(
    make_lattice: MakeLattice, seed: int
) -> None:
    lattice = make_lattice(seed)
    weights = {path: math.exp(score_of(lattice, path)) for path in all_paths(lattice)}
    total = sum(weights.values())
    expected = [
        sum(weight for path, weight in weights.items() if index in path) / total
        for index in range(len(lattice.arcs))
    ]
    assert lattice.posteriors() == pytest.approx(expected)


@unhurried
@given(seed=seeds)
def test_posteriors_across_each_cut_sum_to_one(make_lattice: MakeLattice, seed: int) -> None:
    lattice = make_lattice(seed)
    posteriors = lattice.posteriors()
    for cut in range(lattice.final):
        across = [step.source <= cut < step.target for step in lattice.arcs]
        assert posteriors[across].sum() == pytest.approx(1.0)


@unhurried
@given(seed=seeds, beam=st.floats(0, 20), most=st.none() | st.integers(1, 12))
def test_pruning_keeps_the_best_path_and_all_paths_within_the_beam(
    make_lattice: MakeLattice, seed: int, beam: float, most: int | None
) -> None:
    lattice = make_lattice(seed)
    pruned = lattice.prune(beam, most)
    best = lattice.best_path()
    assert pruned.best_path().words == best.words
    assert pruned.best_path().score == pytest.approx(best.score)
    if most is None:
        within = [path for path in lattice.nbest(10**6) if path.score > best.score - beam + 1e-6]
        kept = {path.words for path in pruned.nbest(10**6)}
        assert kept >= {path.words for path in within}
    else:
        assert len(pruned.arcs) <= max(most, len(best.arcs))


@unhurried
@given(seed=seeds)
def test_confidence_is_a_probability_not_below_the_posterior_of_the_arc(
    make_lattice: MakeLattice, seed: int
) -> None:
    lattice = make_lattice(seed)
    path = lattice.best_path()
    posterior = dict(zip(lattice.arcs, lattice.posteriors(), strict=True))
    confidences = word_confidences(lattice, path)
    assert len(confidences) == len(path.words)
    steps = [step for step in path.arcs if step.word]
    for step, confidence in zip(steps, confidences, strict=True):
        assert posterior[step] - 1e-9 <= confidence <= 1.0


def test_confidence_sums_the_same_word_in_different_contexts() -> None:
    third = math.log(1 / 3)
    lattice = Lattice(
        4,
        (
            arc(0, 1, "turn", third),
            arc(0, 2, "burn", 2 * third, end=1.0),
            arc(1, 3, "left", 0.0, end=2.0),
            arc(2, 3, "left", third, start=1.0, end=2.1),
            arc(2, 3, "lift", 0.0, start=1.0, end=2.0),
        ),
    )
    turn, left = word_confidences(lattice, lattice.best_path())
    weights = [1 / 3, 1 / 27, 1 / 9]
    assert turn == pytest.approx(weights[0] / sum(weights))
    assert left == pytest.approx((weights[0] + weights[1]) / sum(weights))


def test_the_empty_reading_is_one_arc_without_a_word() -> None:
    lattice = Lattice(2, (arc(0, 1, "", -0.5),))
    path = lattice.best_path()
    assert (path.text, path.words, path.score) == ("", (), -0.5)
    assert lattice.posteriors() == pytest.approx([1.0])
    assert word_confidences(lattice, path) == ()


@pytest.mark.parametrize(
    ("states", "arcs", "field"),
    [
        (1, (), "states"),
        (2, (), "states"),
        (10**18, (arc(0, 1, "a"),), "states"),
        (2, (arc(1, 1, "a"),), r"arcs\[0\]"),
        (2, (arc(-1, 1, "a"),), r"arcs\[0\]"),
        (2, (arc(0, 2, "a"),), r"arcs\[0\]"),
        (3, (arc(1, 2, "a"), arc(0, 1, "b")), r"arcs\[1\]"),
        (3, (arc(0, 2, "a"), arc(1, 2, "b")), "state 1"),
        (3, (arc(0, 1, "a"), arc(0, 2, "b")), "state 1"),
        (3, (arc(0, 1, ""), arc(1, 2, "b")), r"arcs\[0\].word"),
        (2, (arc(0, 1, "two words"),), r"arcs\[0\].word"),
        (2, (arc(0, 1, "a\x00"),), r"arcs\[0\].word"),
        (2, (arc(0, 1, "a", math.nan),), r"arcs\[0\].acoustic"),
        (2, (arc(0, 1, "a", -math.inf),), r"arcs\[0\].acoustic"),
        (2, (arc(0, 1, "a", -1e300),), r"arcs\[0\].acoustic"),
        (2, (arc(0, 1, "a", end=math.nan),), r"arcs\[0\].end"),
        (2, (arc(0, 1, "a", start=2.0),), r"arcs\[0\].end"),
        (2, (Arc(0, 1, "a", 0.0, 0.0, 0.0, 1.0, "\n"),), r"arcs\[0\].entry"),
    ],
)
def test_an_invalid_lattice_is_refused_by_field(
    states: int, arcs: tuple[Arc, ...], field: str
) -> None:
    with pytest.raises(ArgumentError, match=field):
        Lattice(states, arcs)


def test_impossible_beam_and_count_are_refused() -> None:
    lattice = Lattice(2, (arc(0, 1, "a"),))
    with pytest.raises(ArgumentError, match="beam"):
        lattice.prune(math.nan)
    with pytest.raises(ArgumentError, match="count"):
        lattice.nbest(0)


@unhurried
@given(first=st.floats(-1e6, 1e6), second=st.floats(-1e6, 1e6) | st.just(-math.inf))
def test_log_add_adds_probabilities(first: float, second: float) -> None:
    assert log_add(first, second) == pytest.approx(float(np.logaddexp(first, second)))
