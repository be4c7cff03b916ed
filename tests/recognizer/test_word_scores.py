"""Word scores: the scores of tokens sum to the log probabilities of their words."""

from __future__ import annotations

import zlib
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from auricle.errors import ModelError
from auricle.recognizer import word_model
from auricle.recognizer.word_model import WordModel
from auricle.recognizer.word_ngrams import BEGINNING
from auricle.recognizer.word_scores import WordScores

PIECES = ("<blank>", "▁a", "b", "▁c", "▁", "d")
ENTRY = -6.0
unhurried = settings(deadline=None, max_examples=25)
seeds = st.integers(0, 10**6)
tokens_of_text = st.lists(st.integers(1, len(PIECES) - 1), max_size=7)
Make = Any


def load(folder: Path, content: bytes) -> WordModel:
    path = folder / "words.bin"
    path.write_bytes(content)
    return WordModel.load(path, PIECES)


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("words")


def words_of(tokens: list[int]) -> list[list[int]]:
    words: list[list[int]] = []
    for token in tokens:
        if PIECES[token].startswith("▁") or not words:
            words.append([])
        words[-1].append(token)
    return words


def log_prob(toy: Any, history: tuple[int, ...], word: int) -> float:
    """Return the probability of a word by the definition of backoff."""
    if (*history, word) in toy.ngrams:
        return float(toy.ngrams[*history, word][0])
    weight = toy.ngrams[history][1] if history in toy.ngrams else 0.0
    return float(weight) + log_prob(toy, history[1:], word)


@unhurried
@given(seed=seeds)
def test_the_file_gives_the_probability_of_every_word(
    folder: Path, make_words: Make, seed: int
) -> None:
    toy = make_words(PIECES, seed)
    ngrams = load(folder, toy.content).ngrams
    draw = np.random.default_rng(seed)
    for _ in range(20):
        said = [BEGINNING, *draw.integers(1, ngrams.count, 4).tolist()]
        history = ngrams.step((), said[0])
        for place in range(1, len(said)):
            expected = log_prob(toy, tuple(said[max(0, place - 2) : place]), said[place])
            assert ngrams.log_prob(history, said[place]) == pytest.approx(expected, abs=1e-4)
            history = ngrams.step(history, said[place])


@unhurried
@given(seed=seeds, tokens=tokens_of_text)
def test_token_scores_sum_to_the_scores_of_words(
    folder: Path, make_words: Make, seed: int, tokens: list[int]
) -> None:
    toy = make_words(PIECES, seed)
    model = load(folder, toy.content)
    scores = WordScores(model, PIECES, ENTRY)
    state, total = scores.initial_state(), 0.0
    for token in tokens:
        total += float(scores.gains(state)[token])
        state = scores.step(state, token)
    total += scores.end(state)
    expected, history = 0.0, model.ngrams.step((), BEGINNING)
    for word in words_of(tokens):
        node = model.lexicon.find(word)
        if node is not None and model.lexicon.ends[node]:
            number = int(model.lexicon.words[node]) + 1
            # The random backoffs may give a probability above 1; scores are capped at 0.
            expected += min(model.ngrams.log_prob(history, number), 0.0)
            history = model.ngrams.step(history, number)
        else:
            expected += ENTRY + scores.open_word(word)
            history = ()
    assert total == pytest.approx(expected, abs=2e-3)


@unhurried
@given(seed=seeds, tokens=tokens_of_text)
def test_no_token_adds_more_than_zero(
    folder: Path, make_words: Make, seed: int, tokens: list[int]
) -> None:
    scores = WordScores(load(folder, make_words(PIECES, seed).content), PIECES, ENTRY)
    state = scores.initial_state()
    for token in tokens:
        gains = scores.gains(state)
        assert np.isfinite(gains).all() and gains.max() <= 1e-5 and gains[0] == 0
        assert scores.end(state) <= 1e-5
        state = scores.step(state, token)


@unhurried
@given(seed=seeds)
def test_open_words_are_a_distribution(folder: Path, make_words: Make, seed: int) -> None:
    scores = WordScores(load(folder, make_words(PIECES, seed).content), PIECES, ENTRY)
    starts = [token for token, piece in enumerate(PIECES) if piece.startswith("▁")]
    inner = [token for token in range(1, len(PIECES)) if token not in starts]

    def mass(words: list[list[int]], depth: int) -> float:
        """Return the probability of words with these tokens, and of all longer ones."""
        if depth == 0:
            return sum(float(np.exp(scores.open_prefix(word))) for word in words)
        ended = sum(float(np.exp(scores.open_word(word))) for word in words)
        return ended + mass([[*word, token] for word in words for token in inner], depth - 1)

    first = [[token] for token in range(1, len(PIECES))]
    assert mass(first, 3) == pytest.approx(1.0, abs=1e-4)


def test_the_cache_changes_no_result(
    folder: Path, make_words: Make, monkeypatch: pytest.MonkeyPatch
) -> None:
    model = load(folder, make_words(PIECES, 5).content)
    texts = np.random.default_rng(0).integers(1, len(PIECES), (40, 6)).tolist()

    def told() -> list[list[float]]:
        scores, rows = WordScores(model, PIECES, ENTRY), []
        for text in texts:
            state = scores.initial_state()
            for token in text:
                rows.append([*scores.gains(state).tolist(), scores.end(state)])
                state = scores.step(state, token)
        return rows

    kept = told()
    monkeypatch.setattr("auricle.recognizer.word_scores._CACHED_ROWS", 2)
    monkeypatch.setattr("auricle.recognizer.word_scores._CACHED_NODES", 3)
    assert told() == kept


def _flipped(content: bytes) -> bytes:
    return content[:-3] + bytes([content[-3] ^ 1]) + content[-2:]


@pytest.mark.parametrize(
    ("spoil", "fault"),
    [
        (lambda content: content[:10], "is not a word language model"),
        (lambda content: b"AURNGRAM" + content[8:], "is not a word language model"),
        (lambda content: content[:8] + b"\x09" + content[9:], "has version 9, but"),
        (_flipped, "is damaged"),
        (lambda content: content[:-1], "is damaged"),
        (lambda content: b"", "cannot be read"),
    ],
)
def test_a_damaged_file_is_refused_with_a_remedy(
    tmp_path: Path, make_words: Make, spoil: Any, fault: str
) -> None:
    with pytest.raises(ModelError, match=f"words.bin: .*{fault}.*(reinstall|update)"):
        load(tmp_path, spoil(make_words(PIECES).content))


def test_a_file_of_another_vocabulary_is_refused(tmp_path: Path, make_words: Make) -> None:
    (tmp_path / "words.bin").write_bytes(make_words(PIECES).content)
    with pytest.raises(ModelError, match="another vocabulary"):
        WordModel.load(tmp_path / "words.bin", (*PIECES[:-1], "x"))


@pytest.mark.parametrize("at", range(0, 400, 7))
def test_parts_that_do_not_fit_are_refused_even_with_a_right_checksum(
    tmp_path: Path, make_words: Make, at: int
) -> None:
    content = bytearray(make_words(PIECES).content)
    header = list(word_model.HEADER.unpack_from(content))
    body = content[word_model.HEADER.size :]
    body[at % len(body)] ^= 0x55
    header[5] = zlib.crc32(body)
    spoiled = word_model.HEADER.pack(*header) + bytes(body)
    try:
        model = load(tmp_path, spoiled)
    except ModelError as error:
        assert "do not fit each other" in str(error) or "impossible numbers" in str(error)
    else:
        # A changed score cannot be detected; the model must still be usable.
        scores = WordScores(model, PIECES, ENTRY)
        assert np.isfinite(scores.end(scores.step(scores.initial_state(), 1)))
