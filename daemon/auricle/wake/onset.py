"""Where a wake word began, from where speech began and where the word ended.

In: for each frame, whether somebody speaks. Out: times in seconds on the audio clock. Pure.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

BRIDGED = 0.3  # seconds: a shorter gap, as before a stop or between two words, is still speech
LEAD = 0.1  # seconds by which the VAD may be late on a soft beginning, such as the h of "hey"
SHORTEST = 0.25  # seconds that a wake word lasts at least
LONGEST = 1.5  # seconds that it lasts at most: older speech was something else
USUAL = 1.1  # seconds assumed when speech went on before the word


@dataclass(frozen=True, slots=True)
class SpeechState:
    """The stretch of speech that was heard last."""

    begin: float = -math.inf  # seconds; minus infinity: no speech yet
    last: float = -math.inf  # seconds: end of its last frame so far


class SpeechOnset:
    """Follows the stretches of speech, across short gaps."""

    def initial_state(self) -> SpeechState:
        """Return the state before the first frame."""
        return SpeechState()

    def step(self, state: SpeechState, begin: float, end: float, speech: bool) -> SpeechState:
        """Consume one frame that lasts from `begin` to `end` seconds."""
        if not speech:
            return state
        goes_on = begin - state.last <= BRIDGED
        return SpeechState(state.begin if goes_on else begin, end)


def estimate_start(state: SpeechState, end: float) -> float:
    """Return where a word that ended at `end` began, in seconds; rather too early than too late."""
    if end - LONGEST <= state.begin <= end - SHORTEST:
        return state.begin - LEAD
    return end - USUAL
