"""The token language model against a direct computation, and its file against damage."""

from __future__ import annotations

import math
import struct
import zlib
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from auricle.errors import ModelError
from auricle.recognizer.language_model import HEADER, LanguageModel, State
from auricle.recognizer.model_file import LEVEL

PIECES = ("<blank>", "▁a", "b", "▁c", "▁d")
MakeLanguage = Any


@pytest.fixture
def file(tmp_path: Path, make_language: MakeLanguage) -> Path:
    path = tmp_path / "ngram.bin"
    path.write_bytes(make_language(PIECES, seed=0).content)
    return path


def directly(ngrams: dict[State, tuple[float, float]], history: State, token: int) -> float:
    """Return a log probability by the definition of backoff."""
    known = ngrams.get((*history, token))
    if known is not None:
        return known[0]
    weight = ngrams.get(history, (0.0, 0.0))[1]
    return weight + directly(ngrams, history[1:], token)


@settings(deadline=None, max_examples=50)
@given(
    seed=st.integers(0, 10**6),
    order=st.integers(1, 4),
    text=st.lists(st.integers(1, len(PIECES) - 1), max_size=8),
)
def test_probabilities_are_those_of_the_whole_history(
    tmp_path_factory: pytest.TempPathFactory,
    make_language: MakeLanguage,
    seed: int,
    order: int,
    text: list[int],
) -> None:
    made = make_language(PIECES, seed, order)
    path = tmp_path_factory.mktemp("language") / "ngram.bin"
    path.write_bytes(made.content)
    model = LanguageModel.load(path, PIECES)
    assert model.order == order
    state = model.initial_state()
    for length in range(len(text) + 1):
        history = tuple(text[max(0, length + 1 - order) : length])
        expected = [directly(made.ngrams, history, token) for token in range(1, len(PIECES))]
        np.testing.assert_allclose(model.log_probs(state)[1:], expected, atol=1e-4)
        assert model.log_probs(state)[0] == -np.inf
        if length < len(text):
            state = model.step(state, text[length])


def test_a_state_forgets_what_no_longer_matters(file: Path) -> None:
    model = LanguageModel.load(file, PIECES)
    states, new = set(), {model.initial_state()}
    while new:
        states |= new
        new = {model.step(state, token) for state in new for token in range(1, 5)} - states
    rows = {(state, tuple(model.log_probs(state))) for state in states}
    assert len(rows) == len(states)
    assert all(len(state) < model.order for state in states)


def test_a_missing_an_empty_and_a_foreign_file_are_refused(tmp_path: Path) -> None:
    with pytest.raises(ModelError, match=r"ngram\.bin: cannot be read .* reinstall the bundle"):
        LanguageModel.load(tmp_path / "ngram.bin", PIECES)
    empty, foreign = tmp_path / "empty", tmp_path / "foreign"
    empty.touch()
    with pytest.raises(ModelError, match="empty: cannot be read .* reinstall the bundle"):
        LanguageModel.load(empty, PIECES)
    foreign.write_bytes(b"RIFF" * 30)
    with pytest.raises(ModelError, match="foreign: is not a token language model: reinstall"):
        LanguageModel.load(foreign, PIECES)


@pytest.mark.parametrize("share", [0.1, 0.3, 0.5, 0.9, 0.999])
def test_a_truncated_file_is_refused(file: Path, share: float) -> None:
    content = file.read_bytes()
    file.write_bytes(content[: int(share * len(content))])
    with pytest.raises(ModelError, match="ngram.bin: .* reinstall the bundle"):
        LanguageModel.load(file, PIECES)


@settings(deadline=None, max_examples=40)
@given(share=st.floats(0, 1, exclude_max=True), bit=st.integers(0, 7))
def test_every_changed_bit_is_detected(
    tmp_path_factory: pytest.TempPathFactory, make_language: MakeLanguage, share: float, bit: int
) -> None:
    content = bytearray(make_language(PIECES, seed=0).content)
    content[int(share * len(content))] ^= 1 << bit
    path = tmp_path_factory.mktemp("language") / "ngram.bin"
    path.write_bytes(content)
    with pytest.raises(ModelError):
        LanguageModel.load(path, PIECES)


def test_a_wrong_order_is_refused(file: Path) -> None:
    content = bytearray(file.read_bytes())
    header = list(HEADER.unpack_from(content))
    header[2] += 4  # n-grams longer than the file holds; no checksum covers the header
    file.write_bytes(HEADER.pack(*header) + content[HEADER.size :])
    with pytest.raises(ModelError, match="(do not fit each other|impossible numbers): reinstall"):
        LanguageModel.load(file, PIECES)


def test_wrong_counts_are_refused_even_with_a_right_checksum(file: Path) -> None:
    content = bytearray(file.read_bytes())
    content[HEADER.size] += 1  # one token more than the vocabulary has
    header = list(HEADER.unpack_from(content))
    header[4] = zlib.crc32(content[HEADER.size :])
    file.write_bytes(HEADER.pack(*header) + content[HEADER.size :] + bytes(6))
    header[4] = zlib.crc32(file.read_bytes()[HEADER.size :])
    file.write_bytes(HEADER.pack(*header) + content[HEADER.size :] + bytes(6))
    with pytest.raises(ModelError, match="do not fit each other: reinstall the bundle"):
        LanguageModel.load(file, PIECES)


@pytest.mark.parametrize("number", [math.nan, math.inf, -math.inf, -1.0, 1e30])
@pytest.mark.parametrize("field", [1, 2, 3])
def test_scores_that_are_no_numbers_are_refused(file: Path, number: float, field: int) -> None:
    content = bytearray(file.read_bytes())
    level = list(LEVEL.unpack_from(content, HEADER.size))
    level[field] = number
    LEVEL.pack_into(content, HEADER.size, *level)
    resum(file, content)
    if (field, number) == (2, -1.0):  # a backoff weight of less than one
        LanguageModel.load(file, PIECES)
        return
    with pytest.raises(ModelError, match="scores of its 1-grams are impossible numbers: reinstall"):
        LanguageModel.load(file, PIECES)


def test_a_token_beyond_the_vocabulary_is_refused(file: Path) -> None:
    content = bytearray(file.read_bytes())
    (order,) = struct.unpack_from("<I", content, 12)
    unigrams = HEADER.size + order * LEVEL.size
    struct.pack_into("<H", content, unigrams, 60_000)
    resum(file, content)
    with pytest.raises(ModelError, match="do not fit each other: reinstall the bundle"):
        LanguageModel.load(file, PIECES)


def resum(file: Path, content: bytearray) -> None:
    """Write a content with the checksum that it should have."""
    header = list(HEADER.unpack_from(content))
    header[4] = zlib.crc32(content[HEADER.size :])
    file.write_bytes(HEADER.pack(*header) + content[HEADER.size :])


def test_a_newer_version_is_refused_with_a_remedy(file: Path) -> None:
    content = bytearray(file.read_bytes())
    content[8] = 2
    file.write_bytes(content)
    with pytest.raises(ModelError, match="version 2, but .* reads version 1.*update Auricle"):
        LanguageModel.load(file, PIECES)


@pytest.mark.parametrize("pieces", [PIECES[:-1], (*PIECES[:-1], "▁e")])
def test_another_vocabulary_is_refused(file: Path, pieces: tuple[str, ...]) -> None:
    with pytest.raises(ModelError, match="another vocabulary, .*from one bundle"):
        LanguageModel.load(file, pieces)
