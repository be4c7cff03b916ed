"""The system load at one moment, and the highest compute level that it allows. Pure functions.

In: readings; a higher number means more load. Out: the highest level that the readings allow. Each
reading has an upper threshold to enter a lower level and a lower threshold to leave it, so that a
reading near a threshold does not switch the level back and forth.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass

from auricle.compute.budget import ComputeLevel

NEVER = math.inf


@dataclass(frozen=True, slots=True, kw_only=True)
class SystemLoad:
    """The system load. A reading that is not available keeps its default, which means no load.

    Shares are 0 to 1, of the time since the previous measurement.
    """

    pressure: float = 0.0  # share of time in which at least one task waited for the processor
    throttled: float = 0.0  # share of our CPU periods that cpu.max throttled
    heat: float = -math.inf  # kelvin above the temperature at which the processor slows down
    alarm: float = -math.inf  # kelvin above the temperature at which the machine protects itself
    slowed: float = 0.0  # firmware: 1 frequency cap or under-voltage, 2 throttled
    capped: float = 0.0  # share of the clock frequency that a software limit removes
    lag: float = 0.0  # seconds; longest queue of audio before the recognizer
    load: float = 0.0  # real-time factor of the recognizer
    under_runs: int = 0  # playback streams whose buffer ran empty


@dataclass(frozen=True, slots=True)
class Threshold:
    """Hysteresis thresholds of one reading for one level."""

    enter: float  # the reading requires the level from this value on
    leave: float  # and until it falls below this value


NONE = Threshold(NEVER, NEVER)


@dataclass(frozen=True, slots=True)
class Thresholds:
    """The thresholds of one reading."""

    saver: Threshold
    minimal: Threshold = NONE


THRESHOLDS: Mapping[str, Thresholds] = {
    # Any background job causes pressure; a real shortage shows in the readings below.
    "pressure": Thresholds(Threshold(0.30, 0.15)),
    "throttled": Thresholds(Threshold(0.20, 0.05)),
    "heat": Thresholds(Threshold(0.0, -5.0)),
    "alarm": Thresholds(Threshold(-5.0, -10.0), Threshold(0.0, -5.0)),
    "slowed": Thresholds(Threshold(1.0, 1.0), Threshold(2.0, 2.0)),
    # The owner may want a frequency cap; the lag shows whether it is too low.
    "capped": Thresholds(Threshold(0.5, 0.45)),
    "lag": Thresholds(Threshold(0.5, 0.3), Threshold(2.0, 1.2)),
    "load": Thresholds(Threshold(0.7, 0.5), Threshold(1.0, 0.8)),
}

# Text for the user, for each reading.
CAUSES: Mapping[str, str] = {
    "pressure": "programs wait for the processor",
    "throttled": "the CPU time limit (cpu.max) is reached",
    "heat": "the processor is hot",
    "alarm": "the machine is close to its temperature limit",
    "slowed": "the firmware slows the processor down",
    "capped": "the clock frequency is capped",
    "lag": "recognition is late",
    "load": "recognition takes nearly as long as the audio lasts",
    "under_runs": "the audio buffer of a player ran empty",
}


def highest(name: str, value: float, level: ComputeLevel) -> ComputeLevel:
    """Return the highest level that one reading allows, given the current `level`."""
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
    """Return the highest level that all readings allow, and the cause of the limit.

    Under-runs are not included; `hysteresis` handles each one.

    Args:
        readings: the system load.
        level: the current level.
    """
    lowest, cause = ComputeLevel.FULL, ""
    for name in THRESHOLDS:
        allowed = highest(name, getattr(readings, name), level)
        if allowed.cost < lowest.cost:
            lowest, cause = allowed, CAUSES[name]
    return lowest, cause
