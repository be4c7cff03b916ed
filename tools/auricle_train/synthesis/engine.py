"""The interface of voice engines: draw a random voice of a split, and synthesise speech.

In: normalised text and a manner of speaking. Out: float32 samples and their sample rate.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from auricle.errors import AuricleError

Speech = tuple[NDArray[np.float32], int]  # samples, -1 to 1, and Hz

SPEEDS = (0.75, 1.35)  # slowest and fastest speaking rate, relative to the voice


class EngineError(AuricleError):
    """A voice engine is not installed, has no voices, or failed."""

    name = "EngineUnavailable"


@dataclass(frozen=True)
class Manner:
    """The voice, speed and pitch of a clip."""

    voice: str  # the engine's name for it
    speed: float  # factor; 1 is the default of the voice
    pitch: float  # factor; 1 is the default of the voice; some engines ignore it


class Engine(Protocol):
    """A speech synthesiser for English."""

    licence: str  # licence of the synthesised speech

    def draw(self, split: str, generator: np.random.Generator) -> Manner:
        """Return a random manner with a voice of this split; no voice is in both splits."""
        ...

    def speak(self, text: str, manner: Manner, generator: np.random.Generator) -> Speech:
        """Synthesise the text; raise EngineError if the engine fails."""
        ...


def draw_manner(
    voices: Sequence[str], split: str, held_out: Sequence[str], generator: np.random.Generator
) -> Manner:
    """Return a random manner: for dev a voice of `held_out`, for train any other voice.

    Raises:
        EngineError: the split has no voice.
    """
    fitting = [voice for voice in voices if (voice in held_out) == (split == "dev")]
    if not fitting:
        raise EngineError(f"split: the engine has no voice for {split}; use --dev-share 0")
    voice = fitting[int(generator.integers(len(fitting)))]
    return Manner(voice, generator.uniform(*SPEEDS), generator.uniform(0.85, 1.2))
