"""A plain document is read; what PyYAML fails on is one MalformedError with its line."""

from __future__ import annotations

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from auricle.errors import MalformedError
from auricle.parsing.limits import Limits
from auricle.parsing.yaml_text import parse_yaml

TEXT = st.text(st.characters(categories=["L", "N", "P", "S", "Zs"]), min_size=1, max_size=20)
VALUES = st.recursive(
    st.none() | st.booleans() | st.integers(-(10**38), 10**38) | TEXT,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(TEXT, inner, max_size=4),
)


@given(value=VALUES)
def test_what_yaml_writes_is_read(value: object) -> None:
    text = yaml.safe_dump(value, allow_unicode=True)
    if "*id" in text or "&id" in text:  # a list that stands twice in `value`
        return
    assert parse_yaml(text, Limits(depth=100)) == value


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("a: b\nc: !!int\n", "line 2: c: must be written without the tag !!int"),
        ("a: !!float ''", "line 1: a: must be written without the tag !!float"),
        ("a: !!timestamp 2001-99-99", "the tag !!timestamp"),
        ("a: !!binary =", "the tag !!binary"),
        ("!!python/object/apply:os.system [id]", "the tag !!python/object/apply:os.system"),
        ("a: [!!set {b}]", "line 1: a[0]: must be written without the tag !!set"),
        ("? !!null\n: a", "must be written without the tag !!null"),
        ("a: &a 1\nb: *a", "line 2: aliases (*name) are not supported"),
        ("a: &a [x]\nb: {<<: *a}", "line 2: aliases (*name) are not supported"),
        ("[" * 3000, "line 1: must not be nested deeper than 20 levels"),
        ("- " * 3000, "must not be nested deeper than 20 levels"),
        ("[" + "1," * 20_000 + "1]", "must not have more than 10000 values"),
        ("#" * 300_000, "must not be larger than 256 KiB"),
        ("a: 1" + "0" * 400, "line 1: a: " + "1" + "0" * 59 + "...: is a number of 401 characters"),
        ("a: 1.0e+400", "a: 1.0e+400: is not a finite number"),
        ("a: .nan", "a: .nan: is not a finite number"),
        ("a: 0b_", "a: 0b_: is neither a number, nor text, nor true or false"),
        ('a: "\\0"', "line 1: contains a NUL character"),
        ('a: "\\ud800"', "line 1: contains a surrogate"),
        ('a:\n- "\\UFFFFFFFF"', "line 2: has an escape or a directive that is not valid"),
        ("%YAML 1." + "9" * 5000 + "\n--- a", "line 1: has an escape or a directive"),
        ("a: 1\nb: 2\na: 3", "line 3: a: is set twice; keep one"),
        ("? [a]\n: b", "line 1: a key must be text"),
        ("a: \x01", "line 1: contains a control character"),
        ("a: b\n--- c", "is not YAML: expected a single document"),
        ("a: [", "is not YAML"),
    ],
)
def test_what_exceeds_a_limit_is_refused(text: str, told: str) -> None:
    with pytest.raises(MalformedError) as caught:
        parse_yaml(text)
    assert told in str(caught.value)


def test_dates_and_times_stay_text() -> None:
    assert parse_yaml("[2001-99-99, 2026-11-22, 1:30, 1:30.5]") == [
        "2001-99-99", "2026-11-22", "1:30", "1:30.5"
    ]  # fmt: skip


@given(text=st.text(alphabet="!&*[]{}:-?%#,'\"|>\\ \n0123456789.eEnaixubtflso_~<=", max_size=80))
def test_any_text_is_read_or_refused(text: str) -> None:
    try:
        parse_yaml(text)
    except MalformedError as error:
        assert str(error)
