"""When probabilities make a detection: a mean over a sliding window against a cut-off.

In: the probabilities of one network, one by one. Out: the mean, and at most one `Firing` a word.
Pure. The rule is microWakeWord's; where the word ended is read from the rise of the probability.
"""

from __future__ import annotations

from dataclasses import dataclass

RISEN = 0.5  # probability from which the network takes the word for ended
LONGEST_RISE = 34  # steps, 1 s at a stride of 3: how far back the rise is looked for


@dataclass(frozen=True, slots=True)
class TriggerState:
    """What is remembered of the past."""

    recent: tuple[float, ...] = ()  # the last probabilities, newest last
    wait: int = 0  # steps for which nothing may fire
    armed: bool = True  # false after a firing, until the mean has been below the cut-off


@dataclass(frozen=True, slots=True)
class Scored:
    """What one probability led to."""

    score: float  # mean over the window, 0 to 1; 0 until the window is full
    fired: bool  # the word counts as heard now
    risen: int  # steps since the probability rose; 0: with this one


@dataclass(frozen=True, slots=True)
class Trigger:
    """The settings, fixed."""

    cutoff: float  # mean probability from which the word counts as heard
    window: int  # probabilities in the mean
    refractory: int  # steps after a firing for which none follows

    def initial_state(self) -> TriggerState:
        """Return the state before the first probability."""
        return TriggerState()

    def step(self, state: TriggerState, probability: float) -> tuple[TriggerState, Scored]:
        """Consume one probability, 0 to 1."""
        recent = (*state.recent, probability)[-max(self.window, LONGEST_RISE) :]
        full = len(recent) >= self.window
        score = sum(recent[-self.window :]) / self.window if full else 0.0
        above = score >= self.cutoff
        fired = above and state.armed and state.wait == 0
        wait = self.refractory if fired else max(0, state.wait - 1)
        armed = not fired and (state.armed or not above)
        return TriggerState(recent, wait, armed), Scored(score, fired, steps_since(recent))

    def skip(self, state: TriggerState, steps: int) -> TriggerState:
        """Let steps pass of which no probability is known, because nobody spoke."""
        if steps == 0:
            return state
        return TriggerState((), max(0, state.wait - steps), armed=True)


def steps_since(recent: tuple[float, ...]) -> int:
    """Return for how many steps before the newest the probability has been high."""
    steps = 0
    for probability in reversed(recent[:-1]):
        if probability < RISEN:
            break
        steps += 1
    return steps
