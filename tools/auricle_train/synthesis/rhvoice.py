"""RHVoice, the program: statistical voices made from CMU ARCTIC."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from auricle_train.synthesis.engine import (
    SOUND_FILE,
    Manner,
    Speech,
    draw_manner,
    find_program,
    run_program,
)

VOICES = ("bdl", "clb", "slt")
HELD_OUT = ("clb",)


class RHVoice:
    """Speaks with the American voices, at their own speed."""

    licence = "free (CMU ARCTIC voices)"

    def __init__(self) -> None:
        self._program = find_program("rhvoice", "RHVoice-test", "rhvoice")

    def draw(self, split: str, generator: np.random.Generator) -> Manner:
        """Return a voice; one of the women is for dev."""
        return draw_manner(VOICES, split, HELD_OUT, generator)

    def speak(self, text: str, manner: Manner, generator: np.random.Generator) -> Speech:
        """Say it."""
        return run_program([self._program, "-p", manner.voice, "-o", SOUND_FILE], text)


def load(voices: Path | None) -> RHVoice:
    """Return the engine."""
    return RHVoice()
