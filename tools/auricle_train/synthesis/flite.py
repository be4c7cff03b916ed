"""CMU Flite, the program: diphone and clustergen voices made from CMU ARCTIC."""

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

VOICES = ("kal16", "awb", "rms", "slt")
HELD_OUT = ("awb",)


class Flite:
    """Speaks with Flite's own voices."""

    licence = "free (CMU Flite)"

    def __init__(self) -> None:
        self._program = find_program("flite", "flite", "flite")

    def draw(self, split: str, generator: np.random.Generator) -> Manner:
        """Return a voice; the Scottish one is for dev."""
        return draw_manner(VOICES, split, HELD_OUT, generator)

    def speak(self, text: str, manner: Manner, generator: np.random.Generator) -> Speech:
        """Say it."""
        stretch = f"duration_stretch={1.0 / manner.speed:.3f}"
        return run_program(
            [self._program, "-voice", manner.voice, "--setf", stretch, "-t", text, "-o",
             SOUND_FILE], "",
        )  # fmt: skip


def load(voices: Path | None) -> Flite:
    """Return the engine."""
    return Flite()
