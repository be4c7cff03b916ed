"""Plots the losses of runs against hours of audio, for comparison.

In: logs of `train`. Out: a plot with one panel per loss and one line per log.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np
from matplotlib.figure import Figure
from numpy.typing import NDArray

from auricle.errors import ArgumentError
from auricle_train.losses.objective import LOSSES
from auricle_train.training.run_log import read_rows

Curve = tuple[NDArray[np.float64], NDArray[np.float64]]


def smooth(values: NDArray[np.float64], span: int) -> NDArray[np.float64]:
    """Return the mean of each value and up to `span - 1` before it."""
    sums = np.concatenate([[0.0], np.cumsum(values)])
    ends = np.arange(1, len(values) + 1)
    starts = np.maximum(0, ends - span)
    return (sums[ends] - sums[starts]) / (ends - starts)


def read_curves(log: Path, span: int) -> dict[str, Curve]:
    """Return hours of audio and smoothed values per loss; non-finite values are skipped.

    Raises:
        ArgumentError: the log has no losses.
    """
    found: dict[str, list[tuple[float, float]]] = {}
    for row in read_rows(log):
        for name in LOSSES:
            if row.get(name) is not None:
                found.setdefault(name, []).append((row["heard_hours"], row[name]))
    if not found:
        raise ArgumentError(f"log: {log} has no losses: use a log.jsonl that `train` wrote")
    curves = {}
    for name, points in found.items():
        hours, values = np.array(points).T
        curves[name] = (hours, smooth(values, span))
    return curves


def plot(logs: Sequence[Path], out: Path, span: int = 200) -> None:
    """Write the plot in the format of the file suffix (.png, .svg, .pdf)."""
    runs = [read_curves(log, span) for log in logs]
    names = [name for name in LOSSES if any(name in run for run in runs)]
    figure = Figure(figsize=(4.5 * len(names), 4.0), layout="constrained")
    for name, panel in zip(names, figure.subplots(1, len(names), squeeze=False)[0], strict=True):
        for number, (log, run) in enumerate(zip(logs, runs, strict=True)):
            if name in run:
                panel.plot(*run[name], label=str(log.parent), color=f"C{number}")
        panel.set(title=name, xlabel="hours of audio", yscale="log")
        panel.grid(alpha=0.3, which="both")
        panel.legend(fontsize="small")
    figure.savefig(out, dpi=120)
