"""Chooses the compute level, as a pure state machine: system load and time in, level out.

The level falls quickly, and as far as the load requires. It rises one step at a time, after a calm
period. The calm period doubles when a rise was soon followed by a fall. If the full level is too
expensive for the machine, so that every command causes overload, the level therefore settles below.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

from auricle.compute.budget import LADDER, ComputeLevel
from auricle.compute.system_load import CAUSES, SystemLoad, asked

FALL_SECONDS = 2.0  # the load must require a lower level for this long before the level falls
SETTLE_SECONDS = 5.0  # under-runs are ignored for this long after a fall
CALM_SECONDS = 20.0  # shortest calm period before a rise
MOST_CALM_SECONDS = 320.0  # longest calm period, after failed rises
VAIN_SECONDS = 60.0  # a rise has failed if a fall follows within this time (or the calm period)


@dataclass(frozen=True, slots=True)
class LadderState:
    """State of the state machine; times are in seconds of the caller's clock."""

    level: ComputeLevel = ComputeLevel.FULL
    cause: str = ""  # of the last change, as text for the user
    pressed: float | None = None  # start of the load that requires a lower level
    calm: float | None = None  # start of the load that allows a higher level
    patience: float = CALM_SECONDS  # calm period before the next rise
    fell: float | None = None  # time of the last fall
    rose: float | None = None  # time of the last rise


def step(state: LadderState, readings: SystemLoad, now: float) -> LadderState:
    """Return the state after a measurement; `now` is in monotonic seconds."""
    settled = state.fell is None or now - state.fell >= SETTLE_SECONDS
    if readings.under_runs and settled and state.level is not LADDER[0]:
        below = LADDER[state.level.cost - 1]
        least, _ = asked(readings, state.level)
        return _fall(state, min(below, least, key=_cost), CAUSES["under_runs"], now)
    level, cause = asked(readings, state.level)
    if level.cost < state.level.cost:
        pressed = now if state.pressed is None else state.pressed
        if now - pressed >= FALL_SECONDS:
            return _fall(state, level, cause, now)
        return replace(state, pressed=pressed, calm=None)
    if level.cost > state.level.cost and not readings.under_runs:
        calm = now if state.calm is None else state.calm
        if now - calm >= state.patience:
            return _rise(state, now)
        return replace(state, pressed=None, calm=calm)
    return replace(state, pressed=None, calm=None)


def _fall(state: LadderState, level: ComputeLevel, cause: str, now: float) -> LadderState:
    soon = max(VAIN_SECONDS, state.patience)
    if state.rose is None:
        patience = state.patience
    elif now - state.rose < soon:
        patience = min(2 * state.patience, MOST_CALM_SECONDS)
    else:
        patience = max(state.patience / 2, CALM_SECONDS)
    return replace(
        state, level=level, cause=cause, pressed=None, calm=None, patience=patience, fell=now
    )


def _rise(state: LadderState, now: float) -> LadderState:
    level = LADDER[state.level.cost + 1]
    return replace(
        state, level=level, cause="the load is low again", pressed=None, calm=None, rose=now
    )


def _cost(level: ComputeLevel) -> int:
    return level.cost
