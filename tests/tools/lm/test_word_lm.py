"""The word language model: its file says what its sentences do, in the bytes that it may take."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from auricle.recognizer.word_model import WordModel
from auricle.recognizer.word_ngrams import BEGINNING
from auricle.tokenizer import Tokenizer
from auricle_train.lm.ngram import kneser_ney
from auricle_train.lm.word_lm import choose_words, make_words, number_words

TOKENIZER = Tokenizer(
    ["<blank>", "▁", "'", *"abcdefghijklmnopqrstuvwxyz"], [0.0, -1.0, *[-2.0] * 27]
)
FREQUENCIES = {
    "turn": 1e-3, "on": 5e-3, "the": 4e-2, "light": 1e-4, "zebra": 1e-6, "n0": 1e-3, "dont": 1e-4,
}  # fmt: skip
SOURCES = {
    "tmpl": ["turn on the light", "turn off the light", "don't turn on the radio"] * 20,
    "novel": ["the night was long", "the night was dark", "the night is young", "xyz"],
}


def load(folder: Path, limit: int = 10**6) -> tuple[WordModel, dict[str, int]]:
    made = make_words(SOURCES, FREQUENCIES, TOKENIZER, 3, limit, ["tmpl"])
    assert len(made.content) <= limit
    (folder / "words.bin").write_bytes(made.content)
    model = WordModel.load(folder / "words.bin", TOKENIZER.pieces)
    texts = model.lexicon.spelled(TOKENIZER.pieces)
    assert made.words == len(texts)
    return model, {text: number for number, text in enumerate(texts, 1)}


def test_the_lexicon_holds_frequent_trusted_and_repeated_words() -> None:
    words = set(choose_words(SOURCES, FREQUENCIES, ["tmpl"]))
    assert words >= {"zebra", "radio", "don't", "night"}
    assert not words & {"n0", "xyz", "dark", "dont"}


def test_words_are_numbered_as_the_tree_has_them() -> None:
    lexicon, numbers = number_words(["turn", "on", "o", "naïve"], TOKENIZER)
    assert sorted(numbers) == ["o", "on", "turn"]  # the tokens cannot write "naïve"
    for word, number in numbers.items():
        assert lexicon.words[lexicon.find(TOKENIZER.encode(word))] == number - 1


def test_probabilities_of_words_sum_to_about_one(tmp_path: Path) -> None:
    model, numbers = load(tmp_path)
    for said in (["turn", "on"], ["the", "night"], ["zebra"], []):
        history = model.ngrams.step((), BEGINNING)
        for word in said:
            history = model.ngrams.step(history, numbers[word])
        probs = [np.exp(model.ngrams.log_prob(history, word)) for word in numbers.values()]
        assert sum(probs) == pytest.approx(1.0, abs=0.03)


def test_what_was_read_is_likelier_than_what_was_not(tmp_path: Path) -> None:
    model, numbers = load(tmp_path)

    def score(text: str) -> float:
        history, total = model.ngrams.step((), BEGINNING), 0.0
        for word in text.split():
            total += model.ngrams.log_prob(history, numbers[word])
            history = model.ngrams.step(history, numbers[word])
        return total

    assert score("turn on the light") > score("turn on the zebra")
    assert score("turn on the light") > score("light the on turn")
    assert score("the") > score("zebra")
    assert score("turn") > score("light")  # sentences begin so


def test_texts_alone_make_a_model() -> None:
    made = make_words(SOURCES, {}, TOKENIZER, 2, 10**6, ["tmpl", "novel"])
    assert made.words == len(choose_words(SOURCES, {}, ["tmpl", "novel"]))


def test_a_smaller_file_says_less_and_too_small_a_one_is_refused(tmp_path: Path) -> None:
    whole, _ = load(tmp_path)
    small, _ = load(tmp_path, 600)
    assert small.ngrams.count == whole.ngrams.count
    with pytest.raises(ValueError, match="too few"):
        load(tmp_path, 300)


def test_beginnings_and_a_base_leave_a_distribution() -> None:
    base = np.array([0.0, 0.7, 0.1, 0.1, 0.1])
    model = kneser_ney([[1, 2], [2, 3], [1, 3]], 5, 2, starts=True, base=base)
    tokens = np.arange(1, 5)
    for before in range(5):
        assert np.exp(model.score(before * 5 + tokens, 2)).sum() == pytest.approx(1.0)
    first = np.exp(model.score(tokens, 2))
    assert first[0] > first[1] > first[2]  # two sentences begin with 1, one with 2, none with 3
