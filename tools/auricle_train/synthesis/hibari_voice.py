"""Hibari (Apache-2.0): one small, very fast voice, distilled from Kokoro's af_heart."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from hibari import Hibari

from auricle_train.synthesis.engine import Manner, Speech, draw_manner


class HibariVoice:
    """Synthesises American English."""

    licence = "Apache-2.0"

    def __init__(self) -> None:
        self._hibari = Hibari()

    def draw(self, split: str, generator: np.random.Generator) -> Manner:
        """Return the only voice, which belongs to the train split."""
        return draw_manner(["heart"], split, [], generator)

    def speak(self, text: str, manner: Manner, generator: np.random.Generator) -> Speech:
        """Synthesise the text."""
        seed = int(generator.integers(2**32))
        return self._hibari(text, speed=manner.speed, seed=seed), Hibari.sample_rate


def load(voices: Path | None) -> HibariVoice:
    """Return the engine."""
    return HibariVoice()
