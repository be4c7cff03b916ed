"""JSON within limits is read; everything else is one MalformedError that says where and why."""

from __future__ import annotations

import json
import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from auricle.errors import MalformedError
from auricle.parsing.json_text import parse_json
from auricle.parsing.limits import Limits

WIDE = Limits(bytes=1 << 24, depth=100, nodes=1 << 20)
VALUES = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-(10**38), 10**38)
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0")),
    lambda inner: st.lists(inner, max_size=4)
    | st.dictionaries(
        st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0")),
        inner,
        max_size=4,
    ),
)


@given(value=VALUES, readable=st.booleans())
def test_what_json_writes_is_read(value: object, readable: bool) -> None:
    text = json.dumps(value, ensure_ascii=readable, indent=1 if readable else None)
    assert parse_json(text.encode(), WIDE) == value


@pytest.mark.parametrize(
    ("data", "told"),
    [
        (b"", "line 1: is not JSON: Expecting value"),
        (b'{\n"a": 1,\n}', "line 3: is not JSON"),
        (b"\xff", "line 1: is not UTF-8"),
        (b"[" * 9_000, "must not be nested deeper than 20 levels"),
        (b'{"a":' * 21 + b"1" + b"}" * 21, "must not be nested deeper than 20 levels"),
        (b"[" * 21 + b"]" * 21, "must not be nested deeper than 20 levels"),
        (b"[" * 100_000, "must not have more than 10000 values"),
        (b"[" + b"1," * 20_000 + b"1]", "must not have more than 10000 values"),
        (b" " * 300_000, "must not be larger than 256 KiB"),
        (b'{"cutoff": 1' + b"0" * 400 + b"}", "is a number of 401 characters"),
        (b"[1e400]", "1e400: is not a finite number"),
        (b"[NaN]", "NaN: is not a finite number"),
        (b"[-Infinity]", "-Infinity: is not a finite number"),
        (b'{"a": {"b": ["x\\u0000"]}}', "a.b[0]: contains a NUL character"),
        (b'{"a": "\\ud800"}', "a: contains a surrogate"),
        (b'{"\\udfff": 1}', "contains a surrogate"),
        (b'{"a": 1, "a": 2}', "a: is set twice; keep one"),
        (b'"\\', "is not JSON"),
        (b'{"a": "[[[[[[[[[[[[[[[[[[[[[[[[[[[["', "is not JSON"),
    ],
)
def test_what_exceeds_a_limit_is_refused(data: bytes, told: str) -> None:
    with pytest.raises(MalformedError) as caught:
        parse_json(data)
    assert told in str(caught.value)


def test_the_deepest_allowed_is_read() -> None:
    assert parse_json(b"[" * 20 + b"]" * 20)


def test_brackets_and_commas_in_text_do_not_count() -> None:
    text = '[[,\\"' * 9000
    assert parse_json(json.dumps([text]).encode()) == [text]


@pytest.mark.parametrize(
    "data", [b'"' + b'\\"' * 1_000_000, b'"' * 1_000_001, b"\\" * 1_000_000, b'"\\' * 1_000_000]
)
def test_the_time_grows_with_the_length_alone(data: bytes) -> None:
    began = time.process_time()
    with pytest.raises(MalformedError):
        parse_json(data, WIDE)
    assert time.process_time() - began < 5  # a quadratic scan takes hours


@given(data=st.binary(max_size=200))
def test_any_bytes_are_read_or_refused(data: bytes) -> None:
    try:
        parse_json(data)
    except MalformedError as error:
        assert str(error)
