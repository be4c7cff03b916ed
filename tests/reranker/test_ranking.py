"""Scores of the language model and the resulting order of readings."""

from __future__ import annotations

import json
from collections.abc import Sequence

import numpy as np
import pytest

from auricle.relay.answers import read_body
from auricle.tokenizer import Tokenizer
from auricle.wire.schema import MOST_ANSWER_BYTES, Question, WireArc
from reranker.application import answer_of
from reranker.language_model import BundledLanguage, load
from reranker.network import Network, Shape
from reranker.ranking import Ranker, Weights
from reranker.tree import grow
from reranker.vocabulary import Vocabulary
from testbed.running_reranker import BUNDLE


class Likes:
    """A language model that prefers one word."""

    def __init__(self, word: str) -> None:
        self._word = word

    def score(self, lattices: Sequence[Sequence[Sequence[str]]]) -> list[list[float]]:
        return [
            [0.0 if self._word in words else -10.0 for words in readings] for readings in lattices
        ]


@pytest.fixture(scope="module")
def shipped() -> BundledLanguage:
    return load(BUNDLE)[1]


@pytest.fixture(scope="module")
def small() -> Network:
    """A network with random weights, larger than trained ones."""
    draw = np.random.default_rng(0)
    shape = Shape(vocabulary=9, width=16, layers=2, heads=2, hidden=32)
    weights = {
        name: draw.normal(0, 0.5, size).astype(np.float32) for name, size in shape.weights().items()
    }
    return Network(shape, weights)


def test_readings_in_one_tree_score_as_single_readings(small: Network) -> None:
    sequences = [[1, 2, 3], [1, 2], [], [1, 2, 3, 4, 5], [6, 2, 3], [1, 2, 3]]
    tree = grow(sequences)
    assert len(tree.tokens) == 1 + 5 + 3
    together = tree.totals(small.score([grow([[7]]), tree])[1])
    alone = [grow([sequence]) for sequence in sequences]
    apart = [one.totals(small.score([one])[0])[0] for one in alone]
    np.testing.assert_allclose(together, apart, rtol=1e-4)
    # Probabilities of all possible next tokens sum to one.
    everything = [[token] for token in range(1, 9)]
    first = small.score([grow(everything)])[0][::2]
    nothing = small.score([grow([[]])])[0]
    assert np.exp(first).sum() + np.exp(nothing[0]) == pytest.approx(1.0, rel=1e-4)


def test_hidden_names_of_one_kind_score_equally() -> None:
    vocabulary = Vocabulary(
        Tokenizer(["<blank>", "▁call", "▁con", "tact", "-"], [0, -1, -1, -1, -1])
    )
    assert vocabulary.of_words(["call", "contact-a"]) == [1, vocabulary.of_kind("contact")]
    assert vocabulary.of_word("contact-zz") == vocabulary.of_word("contact-b")
    assert vocabulary.of_word("contact") == (2, 3)
    assert vocabulary.of_word("xyz") == (vocabulary.of_kind("name"),)
    assert len(vocabulary) == 5 + 4


def test_shipped_language_model_prefers_commands_to_similar_sounding_texts(
    shipped: BundledLanguage,
) -> None:
    pairs = [
        ("turn on the kitchen light", "tern on the kitchen light"),
        ("what is the weather tomorrow", "what is the whether tomorrow"),
        ("call contact-a", "cool contact-a"),
        ("set a timer for ten minutes", "set a timer for ten minutes minutes"),
    ]
    scores = shipped.score([[text.split() for text in pair] for pair in pairs])
    assert all(right > wrong for right, wrong in scores)


def test_weights_balance_lattice_and_language_model(question: Question) -> None:
    def best(language: float, reward: float = 0.0, word: str = "the") -> str:
        weights = Weights(language=language, reward=reward)
        return Ranker(Likes(word), weights).rank([question])[0][0].text

    assert best(0.0) == "tern on a light"
    assert best(0.005) == "tern on a light"
    assert best(0.5) == "tern on the light"
    assert best(0.5, word="turn") == "turn on a light"


def test_very_long_readings_keep_their_order_and_the_answer_is_small(
    shipped: BundledLanguage,
) -> None:
    # The longest lattice of the schema: 48 times one of two words of 24 letters.
    words = ("aquinaquinaquinaquinaqua", "baquinaquinaquinaquinaqu")
    arcs = [
        WireArc(state, state + 1, word, -word, state, 1, 0)
        for state in range(48)
        for word in (0, 1)
    ]
    question = Question(9, "en", words, tuple(arcs))
    ranker = Ranker(shipped, Weights(language=1.0, reward=0.0))
    (readings,) = ranker.rank([question])
    assert len(shipped.score([[words * 48, words * 48]])[0]) < 2  # above the limit of tokens
    body = json.dumps(answer_of(question, readings)).encode()
    assert len(body) <= MOST_ANSWER_BYTES
    answer = read_body(question, body)
    assert answer.fault == ""
    assert answer.readings[0].text == " ".join([words[0]] * 48)
