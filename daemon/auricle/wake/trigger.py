"""Turns probabilities into detections: the mean over a sliding window must reach a cut-off.

In: the probabilities of one network, one by one. Out: a `Scored` for each, which fires at most once
per word. The rule is microWakeWord's. The rise of the probability shows where the word ended. Pure.
"""

from __future__ import annotations

from dataclasses import dataclass

RISEN = 0.5  # minimum probability that counts as high
LONGEST_RISE = 34  # steps, 1 s at a stride of 3; how far back to search for the rise


@dataclass(frozen=True, slots=True)
class TriggerState:
    """State of a trigger."""

    recent: tuple[float, ...] = ()  # the last probabilities, newest last
    wait: int = 0  # remaining steps of the refractory time
    armed: bool = True  # false from a firing until the mean falls below the cut-off


@dataclass(frozen=True, slots=True)
class Scored:
    """The result of one step."""

    score: float  # mean over the window, 0 to 1; 0 until the window is full
    fired: bool  # the word is detected at this step
    risen: int  # steps since the probability became high; 0: at this step


@dataclass(frozen=True, slots=True)
class Trigger:
    """The settings of a trigger."""

    cutoff: float  # minimum mean probability of a detection
    window: int  # number of probabilities in the mean
    refractory: int  # minimum steps between two firings

    def initial_state(self) -> TriggerState:
        """Return the state before the first probability."""
        return TriggerState()

    def step(self, state: TriggerState, probability: float) -> tuple[TriggerState, Scored]:
        """Process one probability, 0 to 1."""
        recent = (*state.recent, probability)[-max(self.window, LONGEST_RISE) :]
        full = len(recent) >= self.window
        score = sum(recent[-self.window :]) / self.window if full else 0.0
        above = score >= self.cutoff
        fired = above and state.armed and state.wait == 0
        wait = self.refractory if fired else max(0, state.wait - 1)
        armed = not fired and (state.armed or not above)
        return TriggerState(recent, wait, armed), Scored(score, fired, steps_since(recent))

    def skip(self, state: TriggerState, steps: int) -> TriggerState:
        """Advance by steps without probabilities, because the network was paused."""
        if steps == 0:
            return state
        return TriggerState((), max(0, state.wait - steps), armed=True)


def steps_since(recent: tuple[float, ...]) -> int:
    """Return the number of consecutive high probabilities before the newest one."""
    steps = 0
    for probability in reversed(recent[:-1]):
        if probability < RISEN:
            break
        steps += 1
    return steps
