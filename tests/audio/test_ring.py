"""The ring buffer against the plainest model: a list that remembers everything."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from auricle.audio.format import SAMPLE_RATE
from auricle.audio.ring import RingBuffer
from auricle.errors import ArgumentError

CAPACITY = 50


@given(
    chunks=st.lists(st.integers(0, 120), max_size=12),
    start=st.integers(-10, 500),
    length=st.integers(-10, 200),
)
def test_reads_what_the_last_samples_were(chunks: list[int], start: int, length: int) -> None:
    ring = RingBuffer(CAPACITY / SAMPLE_RATE)
    heard = np.zeros(0, np.int16)
    for size in chunks:
        chunk = np.arange(heard.size, heard.size + size, dtype=np.int16)
        ring.append(chunk)
        heard = np.concatenate((heard, chunk))
    oldest = max(0, heard.size - CAPACITY)
    assert (ring.start, ring.end) == (oldest, heard.size)
    expected = heard[max(start, oldest) : max(start + length, oldest)]
    np.testing.assert_array_equal(ring.read(start, start + length), expected)


def test_what_was_read_does_not_change_later() -> None:
    ring = RingBuffer(4 / SAMPLE_RATE)
    ring.append(np.array([1, 2, 3, 4], np.int16))
    before = ring.read(0, 4)
    ring.append(np.array([5, 6, 7, 8], np.int16))
    np.testing.assert_array_equal(before, [1, 2, 3, 4])


def test_what_was_appended_may_be_reused() -> None:
    ring = RingBuffer(4 / SAMPLE_RATE)
    frame = np.array([1, 2], np.int16)
    ring.append(frame)
    frame[:] = 9
    np.testing.assert_array_equal(ring.read(0, 2), [1, 2])


@pytest.mark.parametrize("seconds", [0.0, -1.0])
def test_a_ring_of_no_length_is_refused(seconds: float) -> None:
    with pytest.raises(ArgumentError, match="give more than 0"):
        RingBuffer(seconds)
