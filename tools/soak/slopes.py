"""Does a measure grow? Its slope by ordinary least squares, with a 95 % interval.

Samples of a process are autocorrelated, so the usual interval of a regression is far too narrow.
The interval comes from a moving-block bootstrap of the residuals (Künsch, "The jackknife and the
bootstrap for general stationary observations", Annals of Statistics 17, 1989): blocks of
neighbouring residuals are drawn with replacement, which keeps their correlation. Few long blocks
keep most of it; the interval is widened for their small number, as Student's t is.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

BLOCKS = 8  # blocks in a series
# Student's t with BLOCKS - 2 degrees of freedom by the normal quantile, and the degrees of freedom
# that the regression takes: 2.447 / 1.960 * sqrt(8 / 6).
WIDENING = 1.44
REPLICATES = 4000
FEWEST_SAMPLES = 2 * BLOCKS

Series = NDArray[np.float64]  # (samples,)


@dataclass(frozen=True, slots=True)
class Slope:
    """A slope and its interval, in units of the measure per unit of time."""

    mean: float  # of the measure
    slope: float
    low: float  # 2.5 % quantile
    high: float  # 97.5 % quantile

    @property
    def flat(self) -> bool:
        """Whether the interval contains 0."""
        return self.low <= 0.0 <= self.high


def slope_of(times: Series, values: Series, seed: int = 0) -> Slope:
    """Return the slope of `values` over `times`.

    Args:
        times: (samples,) in increasing order, about evenly spaced; at least FEWEST_SAMPLES.
        values: (samples,).
        seed: seed of the bootstrap.

    Raises:
        ValueError: there are too few samples.
    """
    count = len(times)
    if count < FEWEST_SAMPLES:
        raise ValueError(f"{count} samples are too few for a slope; take {FEWEST_SAMPLES} or more")
    centred = times - times.mean()
    weights = centred / np.sum(centred**2)
    heights = values - values.mean()
    slope = float(weights @ heights)
    residuals = heights - slope * centred
    length = -(-count // BLOCKS)
    draw = np.random.default_rng(seed)
    starts = draw.integers(0, count - length + 1, (REPLICATES, BLOCKS))
    chosen = (starts[:, :, None] + np.arange(length)).reshape(REPLICATES, -1)[:, :count]
    deviations = residuals[chosen] @ weights
    low, high = WIDENING * np.percentile(deviations, (2.5, 97.5))
    # The deviation of the estimate from the truth is distributed like that of the replicates from
    # the estimate.
    return Slope(float(values.mean()), slope, slope - float(high), slope - float(low))
