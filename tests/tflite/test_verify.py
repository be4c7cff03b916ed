"""The completeness check of TFLite files."""

from __future__ import annotations

import mmap
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from auricle.tflite.verify import is_whole

MODELS = sorted((Path(__file__).parents[2] / "models" / "wake").glob("*.tflite"))
ALEXA = MODELS[0].read_bytes()


@pytest.mark.parametrize("path", MODELS, ids=lambda path: path.stem)
def test_a_complete_file_is_accepted(path: Path) -> None:
    assert is_whole(path.read_bytes())
    with path.open("rb") as file, mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as mapped:
        assert is_whole(mapped)


@pytest.mark.parametrize("path", MODELS, ids=lambda path: path.stem)
def test_a_truncated_file_is_refused(path: Path) -> None:
    content = path.read_bytes()
    kept = [*range(0, len(content), 499), *range(len(content) - 200, len(content) - 3)]
    assert [size for size in kept if is_whole(content[:size])] == []


@settings(max_examples=300, deadline=None)
@given(position=st.integers(0, len(ALEXA) - 1), byte=st.integers(0, 255))
def test_a_changed_byte_never_causes_a_read_outside_the_file(position: int, byte: int) -> None:
    assert is_whole(ALEXA[:position] + bytes([byte]) + ALEXA[position + 1 :]) in (True, False)


@pytest.mark.parametrize("content", [b"", b"TFL3", bytes(1000), b"\x08\0\0\0TFLX" + ALEXA[8:]])
def test_another_kind_of_file_is_refused(content: bytes) -> None:
    assert not is_whole(content)
