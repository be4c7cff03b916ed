"""A text can be followed piece by piece in any surface form."""

from __future__ import annotations

from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from auricle.recognizer.surface_forms import END, MARKS, Writing
from auricle.tokenizer import Tokenizer

LETTERS = "abIT'"
NAMES = ["<end>", *MARKS, "-", "▁it", "▁It", "▁IT", "▁ab", "▁Ab", "ba"]
NAMES += [start + letter for start in ("", "▁") for letter in "abitABIT'"]
PIECES = Tokenizer(NAMES, [0.0] + [-1.0] * (len(NAMES) - 1))
WRITING = Writing(PIECES)
WORDS = st.text("abit", min_size=1, max_size=5)
TEXTS = st.lists(WORDS, min_size=1, max_size=5).map(" ".join)


def written(text: str, seed: int) -> list[int]:
    """Return one surface form of a text."""
    choose = np.random.default_rng(seed)
    place, pieces = WRITING.begin(text), []
    while True:
        piece = int(choose.choice(WRITING.following(place)))
        if piece == END:
            return pieces
        pieces.append(piece)
        place = WRITING.take(place, piece)


@given(text=TEXTS, seed=st.integers(0, 1000))
def test_every_surface_form_has_the_words_of_the_text(text: str, seed: int) -> None:
    pieces = written(text, seed)
    assert WRITING.plain(pieces) == text
    assert sum(WRITING.begins_word(piece) for piece in pieces) == len(text.split())
    marks = [PIECES.pieces[piece] in MARKS for piece in pieces]
    assert not marks[0]
    assert not any(one and other for one, other in pairwise(marks))


def test_words_are_written_with_a_capital_or_in_capitals_or_neither() -> None:
    found = {PIECES.decode(written("it ab", seed)) for seed in range(300)}
    assert {"it ab", "It ab", "IT Ab", "It, ab.", "It. Ab?"} <= found
    assert not {text for text in found if "AB" not in text} - {
        f"{one}{mark} {other}{end}"
        for one in ("it", "It", "IT")
        for other in ("ab", "Ab")
        for mark in ("", *MARKS)
        for end in ("", *MARKS)
    }


@pytest.mark.parametrize(
    ("text", "plain"),
    [
        ("It, Ab-it.", "it ab it"),
        ("bit's!", "bit's"),
        ("A ba", "a ba"),
    ],
)
def test_plain_text_has_neither_marks_nor_capitals(text: str, plain: str) -> None:
    pieces = Tokenizer([*NAMES, "s"], [0.0] + [-1.0] * len(NAMES))
    spelled = [token for word in text.split() for token in pieces.encode(word)]
    assert Writing(pieces).plain(spelled) == plain


@pytest.mark.parametrize(("text", "plain"), [("zz", ""), ("zz it 7", "it"), ("", "")])
def test_words_that_no_piece_writes_are_left_out(text: str, plain: str) -> None:
    assert WRITING.plain(written(text, 1)) == plain
