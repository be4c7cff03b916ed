"""Text to tokens and back."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from auricle.errors import ModelError
from auricle.tokenizer import BLANK, Tokenizer

VOCABULARY = Path(__file__).parents[1] / "models" / "en-tiny" / "tokens.txt"
LETTERS = "abcdefghijklmnopqrstuvwxyz'"


@given(words=st.lists(st.text(LETTERS, min_size=1, max_size=12), max_size=8))
def test_decoding_gives_back_what_was_encoded(words: list[str]) -> None:
    tokenizer = Tokenizer.load(VOCABULARY)
    tokens = tokenizer.encode(" ".join(words))
    assert BLANK not in tokens
    assert tokenizer.decode(tokens) == " ".join(words)


def test_the_most_probable_segmentation_is_taken() -> None:
    tokenizer = Tokenizer(["<blank>", "▁", "a", "b", "▁ab", "▁a"], [0, -1, -1, -1, -1.5, -0.2])
    assert tokenizer.encode("ab") == [5, 3]  # -0.2 - 1 beats -1.5


def test_a_character_without_a_piece_is_dropped() -> None:
    tokenizer = Tokenizer(["<blank>", "▁a", "b"], [0.0, -1.0, -2.0])
    assert tokenizer.encode("aéb") == [1, 2]


@pytest.mark.parametrize(
    ("content", "complaint"),
    [
        ("a\t0\nb", ":2:"),
        ("a\tx", ":1:"),
        ("a\tnan", ":1:"),
        ("a\t0\nb\t-inf", ":2:"),
        ("", "distinct"),
        ("a\t0\na\t0\n", "distinct"),
    ],
)
def test_a_bad_vocabulary_is_named(tmp_path: Path, content: str, complaint: str) -> None:
    path = tmp_path / "tokens.txt"
    path.write_text(content)
    with pytest.raises(ModelError, match=complaint):
        Tokenizer.load(path)


def test_a_missing_vocabulary_is_named(tmp_path: Path) -> None:
    with pytest.raises(ModelError, match="none.txt"):
        Tokenizer.load(tmp_path / "none.txt")
