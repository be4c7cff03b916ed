"""What every voice engine offers: voices of a split, drawn at random, and speech.

In: normalised text and a manner of speaking. Out: float32 samples and their rate.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from auricle.errors import AuricleError

Speech = tuple[NDArray[np.float32], int]  # samples, -1 to 1, and Hz

SPEEDS = (0.75, 1.35)  # of slow and of fast speakers


class EngineError(AuricleError):
    """A voice engine is not installed, has no voices, or failed."""

    name = "EngineUnavailable"


@dataclass(frozen=True)
class Manner:
    """Who speaks, and how."""

    voice: str  # as the engine calls it
    speed: float  # 1 is the voice's own
    pitch: float  # likewise; engines without a pitch of their own leave it


class Engine(Protocol):
    """A synthesiser of English."""

    licence: str  # under which its speech may be used

    def draw(self, split: str, generator: np.random.Generator) -> Manner:
        """Return a random manner, its voice of this split; no voice is in both splits."""
        ...

    def speak(self, text: str, manner: Manner, generator: np.random.Generator) -> Speech:
        """Say it; raise EngineError where the engine fails."""
        ...


def draw_manner(
    voices: Sequence[str], split: str, held_out: Sequence[str], generator: np.random.Generator
) -> Manner:
    """Return a manner with one of the voices: of `held_out` for dev, of the others for train.

    Raises:
        EngineError: there is no voice of this split.
    """
    fitting = [voice for voice in voices if (voice in held_out) == (split == "dev")]
    if not fitting:
        raise EngineError(f"split: the engine has no voice for {split}; use --dev-share 0")
    voice = fitting[int(generator.integers(len(fitting)))]
    return Manner(voice, generator.uniform(*SPEEDS), generator.uniform(0.85, 1.2))
