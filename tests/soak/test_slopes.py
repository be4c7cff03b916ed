"""The slopes of a soak have intervals that are honest about autocorrelated samples."""

from __future__ import annotations

import numpy as np
import pytest

from soak.slopes import FEWEST_SAMPLES, slope_of

SERIES = 60


def correlated(count: int, memory: float, seed: int) -> np.ndarray:
    """Return a stationary first-order autoregressive series, (count,)."""
    shocks = np.random.default_rng(seed).normal(size=count + 500)
    values = np.zeros_like(shocks)
    for index in range(1, len(values)):
        values[index] = memory * values[index - 1] + shocks[index]
    return values[500:]


@pytest.mark.parametrize("memory", [0.0, 0.8, 0.95])
def test_the_interval_of_a_series_that_does_not_grow_contains_zero(memory: float) -> None:
    times = np.linspace(0.0, 24.0, 400)
    flat = [slope_of(times, correlated(400, memory, seed)).flat for seed in range(SERIES)]
    assert np.mean(flat) >= 0.85


def test_growth_is_found_and_its_slope_is_in_the_interval() -> None:
    times = np.linspace(0.0, 24.0, 400)
    found = slope_of(times, 300.0 + 0.5 * times + correlated(400, 0.8, 1))
    assert not found.flat
    assert found.low < 0.5 < found.high
    assert found.slope == pytest.approx(0.5, abs=0.1)
    assert found.mean == pytest.approx(306.0, abs=1.0)


def test_a_constant_has_the_slope_zero() -> None:
    found = slope_of(np.arange(40.0), np.full(40, 7.0))
    assert (found.slope, found.low, found.high, found.flat) == (0.0, 0.0, 0.0, True)


def test_too_few_samples_are_refused() -> None:
    few = np.arange(float(FEWEST_SAMPLES - 1))
    with pytest.raises(ValueError, match=f"take {FEWEST_SAMPLES} or more"):
        slope_of(few, few)
