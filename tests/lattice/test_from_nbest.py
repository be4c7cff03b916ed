"""A lattice from an n-best list has exactly its paths, words and scores."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from auricle.lattice.from_nbest import NbestReading, SpokenWord, lattice_of
from auricle.lattice.lattice import concatenate
from auricle.lattice.result import result_of

WORDS = st.lists(st.sampled_from(["turn", "on", "off", "it"]), min_size=1, max_size=4)


@st.composite
def readings(draw: st.DrawFn) -> list[NbestReading]:
    texts = draw(st.lists(WORDS, min_size=1, max_size=6, unique_by=tuple))
    score = st.floats(-30, 0).map(lambda value: round(value, 3))
    return [
        NbestReading(
            words=tuple(
                SpokenWord(word, float(place), place + 0.5, draw(score))
                for place, word in enumerate(text)
            ),
            acoustic=draw(score),
            graph=draw(score),
        )
        for text in texts
    ]


def texts_of(some: list[NbestReading]) -> dict[str, float]:
    return {
        " ".join(word.word for word in reading.words): reading.acoustic + reading.graph
        for reading in some
    }


@given(readings())
def test_the_paths_are_the_readings(some: list[NbestReading]) -> None:
    paths = lattice_of(some).nbest(100)
    assert {path.text: path.score for path in paths} == pytest.approx(texts_of(some), abs=1e-6)


@given(readings(), readings())
def test_concatenated_lattices_have_all_pairs_of_readings(
    first: list[NbestReading], second: list[NbestReading]
) -> None:
    paths = concatenate([lattice_of(first), lattice_of(second)]).nbest(100)
    pairs: dict[str, float] = {}
    for before, score in texts_of(first).items():
        for after, more in texts_of(second).items():
            text = f"{before} {after}"
            pairs[text] = max(pairs.get(text, -1e9), score + more)
    assert {path.text: path.score for path in paths} == pytest.approx(pairs, abs=1e-6)


def test_times_of_words_are_whole_milliseconds() -> None:
    words = (SpokenWord("go", 0.1 + 0.2, 0.9999999999644062, -1.0),)
    (word,) = result_of(lattice_of([NbestReading(words, -1.0, -1.0)]), 1).words
    assert (word.start, word.end) == (0.3, 1.0)
