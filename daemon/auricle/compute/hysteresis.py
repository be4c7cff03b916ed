"""Which level holds, as a pure state machine: readings and time in, level out.

Down it goes soon, and as far as the readings ask; up it goes a step at a time, after a calm that
grows with each rise that was in vain. So a load that comes back with every command, because the
full level is too much for the machine, settles at the level below.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

from auricle.compute.budget import LADDER, ComputeLevel
from auricle.compute.system_load import CAUSES, SystemLoad, asked

FALL_SECONDS = 2.0  # for which the readings ask for less, before there is less
SETTLE_SECONDS = 5.0  # after a fall: an under-run may still be of the level before
CALM_SECONDS = 20.0  # before a rise
MOST_CALM_SECONDS = 320.0  # and after rises that were in vain
VAIN_SECONDS = 60.0  # so soon after a rise, at least, a fall tells that it was in vain


@dataclass(frozen=True, slots=True)
class LadderState:
    """All that the ladder remembers; times are the caller's seconds."""

    level: ComputeLevel = ComputeLevel.FULL
    cause: str = ""  # of the last change, for people
    pressed: float | None = None  # since when less is asked for
    calm: float | None = None  # since when more is allowed
    patience: float = CALM_SECONDS  # seconds of calm before the next rise
    fell: float | None = None  # when it fell last
    rose: float | None = None  # when it rose last


def step(state: LadderState, readings: SystemLoad, now: float) -> LadderState:
    """Return the state after a look at the machine; `now` never goes back."""
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
    return replace(state, level=level, cause="it is calm", pressed=None, calm=None, rose=now)


def _cost(level: ComputeLevel) -> int:
    return level.cost
