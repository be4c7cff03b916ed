"""Any bytes from a reranker, a daemon or a relay: a valid message, or a refusal."""

from __future__ import annotations

import json

from hypothesis import given, settings
from hypothesis import strategies as st

from auricle.errors import RefusedError
from auricle.relay.answers import read_body
from auricle.wire.schema import (
    Question,
    WireArc,
    decode_answer,
    decode_question,
    encode_answer,
    encode_question,
    find_path,
)

QUESTION = Question(
    7,
    "en",
    ("call", "contact-a", "cool"),
    (
        WireArc(0, 1, 0, -5, 0, 3, 0),
        WireArc(0, 1, 2, -15, 0, 3, 0),
        WireArc(1, 2, 1, -2, 3, 4, 1),
    ),
)


def fuzz_one(data: bytes) -> None:
    """Read a message at every place that takes one; raise an error only if a reader fails."""
    answer = read_body(QUESTION, data)
    assert answer.session == QUESTION.session
    assert decode_answer(encode_answer(answer)) == answer
    assert all(find_path(QUESTION, reading.text) for reading in answer.readings)
    try:
        assert encode_question(decode_question(data)) == data
    except RefusedError as error:
        assert str(error).isprintable()
    try:
        assert encode_answer(decode_answer(data)) == data
    except RefusedError as error:
        assert str(error).isprintable()


@given(data=st.binary(max_size=200))
def test_any_bytes_are_read_or_refused(data: bytes) -> None:
    fuzz_one(data)


BLANKS = st.sampled_from(["", " ", "  ", "\t", "\n", "\r", "\0", "\x1c", "\x85", "\u00a0", "\u2003",
                          "\u2028", "\u200b", "\u3000", "\ufeff", "\ud800", "'", "-"])  # fmt: skip
TEXTS = st.lists(st.sampled_from(["call", "cool", "contact-a", "Call", ""]) | BLANKS, max_size=9)
SCORES = st.floats() | st.integers() | st.booleans() | st.none() | st.text(max_size=3)
READINGS = st.lists(st.tuples(TEXTS.map("".join), SCORES), max_size=20)


@settings(max_examples=300)
@given(readings=READINGS, session=st.sampled_from([7, 7.0, True, "7", None, 10**400]))
def test_any_answer_is_read_or_refused(readings: list[object], session: object) -> None:
    fuzz_one(json.dumps({"version": 1, "session": session, "readings": readings}).encode())


DATA = encode_question(QUESTION)


@given(place=st.integers(0, len(DATA) - 1), new=st.binary(max_size=4), length=st.integers(0, 4))
def test_any_change_of_a_question_is_read_or_refused(place: int, new: bytes, length: int) -> None:
    fuzz_one(DATA[:place] + new + DATA[place + length :])
