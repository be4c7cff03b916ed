"""Only under-runs are found in the output of a sink."""

from __future__ import annotations

import numpy as np
import pytest

from testbed.gaps import GAP_SAMPLES, RATE, GapCounter, never_silent


def music(seconds: float) -> np.ndarray:
    times = np.arange(round(seconds * RATE)) / RATE
    tone = np.sin(2 * np.pi * 440 * times) * (times % 1 < 0.5)  # half of it silence
    return never_silent(tone.astype(np.float32))


@pytest.mark.parametrize("size", [1, 480, 7_777, 10 * RATE])
def test_inserted_silence_is_counted_in_chunks_of_any_size(size: int) -> None:
    whole = music(0.2 if size == 1 else 2.0)
    third = len(whole) // 3
    silence = np.zeros((RATE // 50, 2), np.int16)
    played = np.concatenate(
        (silence, whole[:third], silence, whole[third : 2 * third], silence, whole[2 * third :])
    )
    counter = GapCounter()
    for first in range(0, len(played), size):
        counter.take(played[first : first + size])
    assert (counter.gaps, counter.silent_samples) == (2, 2 * len(silence))


@pytest.mark.parametrize("volume", [1.0, 0.2])
def test_music_has_no_gap_even_when_ducked(volume: float) -> None:
    counter = GapCounter()
    counter.take((music(2.0) * volume).astype(np.int16))
    assert counter.gaps == 0


def test_silence_below_a_millisecond_is_no_gap() -> None:
    sound = music(0.1)
    sound[1000 : 1000 + GAP_SAMPLES - 2] = 0
    counter = GapCounter()
    counter.take(sound)
    assert counter.gaps == 0
