"""CTC decides whether the audio contains the words of a repetition once or twice."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray

from auricle.recognizer.ctc_alignment import align
from auricle.recognizer.repetition import stutters, without_repetition
from auricle.tokenizer import Tokenizer

TOKENS = Tokenizer(["<blank>", "▁a", "▁b", "▁c", "▁d"], [0.0, -1.0, -1.0, -1.0, -1.0])


def heard(text: str, sureness: float = 8.0) -> NDArray[np.float32]:
    """Return CTC's log probabilities of a text, with three blank frames around each token."""
    wanted = [0, 0, 0]
    for token in TOKENS.encode(text):
        wanted += [token, 0, 0, 0]
    logits = np.zeros((len(wanted), len(TOKENS)), np.float32)
    logits[np.arange(len(wanted)), wanted] = sureness
    return (logits - np.log(np.exp(logits).sum(axis=1, keepdims=True))).astype(np.float32)


def judged(spoken: str, *texts: str) -> list[bool]:
    log_probs = heard(spoken)
    scores = [one.score for one in align(log_probs, [TOKENS.encode(text) for text in texts])]
    return stutters(log_probs, texts, scores, TOKENS.encode)


def test_repeated_sentence_stutters_unless_it_was_said_twice() -> None:
    twice = ("a b c a b c", "a b c d a b c", "a a b c")
    assert judged("a b c", "a b c", *twice) == [False, True, True, True]
    assert judged("a b c a b c", *twice[:1]) == [False]
    assert judged("a b c d a b c", *twice[1:2]) == [False]
    assert judged("a a b c", *twice[2:]) == [False]


def test_words_that_a_sentence_has_twice_are_no_repetition() -> None:
    assert judged("a b a c", "a b a c", "a b a d") == [False, False]


@pytest.mark.parametrize(
    ("words", "shorter"),
    [
        ("a b c", []),
        ("a a", ["a"]),
        ("a b a", []),  # one word in common, with another between
        ("a b a b", ["a b"]),
        ("a b c a b", ["a b"]),
        ("a b c d a b", []),
        ("d a b a b", ["d a b"]),
        ("a a a", ["a a"]),
    ],
)
def test_repetitions_are_shortened_to_one(words: str, shorter: list[str]) -> None:
    assert [" ".join(one) for one in without_repetition(words.split())] == shorter


@given(st.lists(st.sampled_from("abc"), max_size=12))
def test_shortened_texts_are_distinct_and_shorter(words: list[str]) -> None:
    shorter = list(without_repetition(words))
    assert len(set(shorter)) == len(shorter)
    assert all(0 < len(one) < len(words) for one in shorter)


@given(st.lists(st.sampled_from("abcd"), min_size=1, max_size=8).map(" ".join))
def test_what_was_said_never_stutters(text: str) -> None:
    assert judged(text, text) == [False]
