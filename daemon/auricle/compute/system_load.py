"""What the arbiter knows of the machine at one moment, and what that asks for: pure.

In: readings, each a number that is higher the more the machine is strained. Out: the highest level
at which a machine so strained may be. From the level that holds depends which of two thresholds
counts, so that a reading near one of them does not switch to and fro.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass

from auricle.compute.budget import ComputeLevel

NEVER = math.inf


@dataclass(frozen=True, slots=True, kw_only=True)
class SystemLoad:
    """How strained the machine is; what cannot be read stays at its default, which asks nothing.

    Shares are of the time since the look before, 0 to 1.
    """

    pressure: float = 0.0  # share in which some program waited for the processor
    throttled: float = 0.0  # share of our own periods in which cpu.max held us up
    heat: float = -math.inf  # kelvin above the temperature at which the processor slows down
    alarm: float = -math.inf  # kelvin above that at which the machine protects itself
    slowed: float = 0.0  # by the firmware: 1 a cap or too little voltage, 2 throttled
    capped: float = 0.0  # share of the clock frequency that software denies the processor
    lag: float = 0.0  # seconds of sound that waited for the recogniser, at most
    load: float = 0.0  # seconds of computing for a second of sound
    under_runs: int = 0  # times at which a player came too late for the sound card


@dataclass(frozen=True, slots=True)
class Threshold:
    """From where a reading asks for a level, and below what it lets go of it."""

    enter: float
    leave: float


NONE = Threshold(NEVER, NEVER)


@dataclass(frozen=True, slots=True)
class Thresholds:
    """Those of one reading."""

    saver: Threshold
    minimal: Threshold = NONE


THRESHOLDS: Mapping[str, Thresholds] = {
    # Any job in the background makes pressure; that too little is left shows in what comes below.
    "pressure": Thresholds(Threshold(0.30, 0.15)),
    "throttled": Thresholds(Threshold(0.20, 0.05)),
    "heat": Thresholds(Threshold(0.0, -5.0)),
    "alarm": Thresholds(Threshold(-5.0, -10.0), Threshold(0.0, -5.0)),
    "slowed": Thresholds(Threshold(1.0, 1.0), Threshold(2.0, 2.0)),
    # A cap alone may be the owner's wish, and lag tells whether it is too low.
    "capped": Thresholds(Threshold(0.5, 0.45)),
    "lag": Thresholds(Threshold(0.5, 0.3), Threshold(2.0, 1.2)),
    "load": Thresholds(Threshold(0.7, 0.5), Threshold(1.0, 0.8)),
}

# What people are told, for each reading.
CAUSES: Mapping[str, str] = {
    "pressure": "programs wait for the processor",
    "throttled": "the limit of processor time (cpu.max) is reached",
    "heat": "the processor is hot",
    "alarm": "the machine is about to protect itself from heat",
    "slowed": "the firmware slows the processor down",
    "capped": "the clock frequency is capped",
    "lag": "recognition is late",
    "load": "recognition takes nearly all the time there is",
    "under_runs": "a player has run dry",
}


def highest(name: str, value: float, level: ComputeLevel) -> ComputeLevel:
    """Return the highest level that a reading allows, while `level` holds."""
    thresholds = THRESHOLDS[name]
    for lower, threshold in (
        (ComputeLevel.MINIMAL, thresholds.minimal),
        (ComputeLevel.SAVER, thresholds.saver),
    ):
        held = level.cost <= lower.cost
        if value >= (threshold.leave if held else threshold.enter):
            return lower
    return ComputeLevel.FULL


def asked(readings: SystemLoad, level: ComputeLevel) -> tuple[ComputeLevel, str]:
    """Return the highest level that all readings allow, while `level` holds, and why no higher.

    Under-runs are left out: they count one by one.
    """
    lowest, cause = ComputeLevel.FULL, ""
    for name in THRESHOLDS:
        allowed = highest(name, getattr(readings, name), level)
        if allowed.cost < lowest.cost:
            lowest, cause = allowed, CAUSES[name]
    return lowest, cause
