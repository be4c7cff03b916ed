"""The level meter against known signals."""

from __future__ import annotations

import numpy as np
import pytest

from auricle.audio.level import FLOOR_DBFS, level_dbfs


def test_a_square_wave_at_full_scale_has_0_db() -> None:
    assert level_dbfs(np.array([-32768, 32767] * 80, np.int16)) == pytest.approx(0.0, abs=0.001)


def test_a_sine_at_full_scale_has_minus_3_db() -> None:
    sine = 32767 * np.sin(2 * np.pi * np.arange(160) / 16)
    assert level_dbfs(sine.astype(np.int16)) == pytest.approx(-3.01, abs=0.01)


def test_half_the_amplitude_is_6_db_less() -> None:
    frame = np.full(160, 16384, np.int16)
    assert level_dbfs(frame) - level_dbfs(frame // 2) == pytest.approx(6.02, abs=0.01)


@pytest.mark.parametrize("size", [0, 160])
def test_silence_lies_at_the_floor(size: int) -> None:
    assert level_dbfs(np.zeros(size, np.int16)) == FLOOR_DBFS


def test_a_single_least_bit_does_not_fall_below_the_floor() -> None:
    frame = np.zeros(160, np.int16)
    frame[0] = 1
    assert level_dbfs(frame) == FLOOR_DBFS
