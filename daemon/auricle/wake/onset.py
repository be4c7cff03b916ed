"""Estimates the start of a wake word from the start of speech and the end of the word.

In: the VAD decision for each audio frame. Out: times in seconds on the audio clock. Pure functions.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

BRIDGED = 0.3  # seconds; shorter gaps (stop consonants, word boundaries) count as speech
LEAD = 0.1  # seconds; possible delay of the VAD at a soft onset, such as the h of "hey"
SHORTEST = 0.25  # seconds; minimum length of a wake word
LONGEST = 1.5  # seconds; maximum length of a wake word
USUAL = 1.1  # seconds; assumed length if there was speech before the word


@dataclass(frozen=True, slots=True)
class SpeechState:
    """The last speech segment."""

    begin: float = -math.inf  # seconds; minus infinity: no speech yet
    last: float = -math.inf  # seconds; end of its last frame so far


class SpeechOnset:
    """Tracks speech segments; short gaps do not end a segment."""

    def initial_state(self) -> SpeechState:
        """Return the state before the first frame."""
        return SpeechState()

    def step(self, state: SpeechState, begin: float, end: float, speech: bool) -> SpeechState:
        """Process one audio frame from `begin` to `end` seconds."""
        if not speech:
            return state
        continues = begin - state.last <= BRIDGED
        return SpeechState(state.begin if continues else begin, end)


def estimate_start(state: SpeechState, end: float) -> float:
    """Return the start, in seconds, of a word that ended at `end`; biased towards too early."""
    if end - LONGEST <= state.begin <= end - SHORTEST:
        return state.begin - LEAD
    return end - USUAL
