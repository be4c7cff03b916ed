"""espeak-ng, the program: formant synthesis, far from human, in many accents and variants."""

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

ACCENTS = ("en-us", "en-gb", "en-gb-scotland", "en-gb-x-gbclan", "en-gb-x-rp", "en-029")
VARIANTS = ("m1", "m3", "m4", "m7", "f2", "f3", "f4", "f5", "klatt2", "klatt4", "steph", "adam")
VOICES = tuple(f"{accent}+{variant}" for accent in ACCENTS for variant in VARIANTS)
HELD_OUT = tuple(voice for voice in VOICES if voice.endswith(("+m4", "+f4")))
WORDS_A_MINUTE = 165
PITCH = 50  # of 0 to 99


class Espeak:
    """Speaks with accents and variants of espeak-ng."""

    licence = "no rights in the output of a program"

    def __init__(self) -> None:
        self._program = find_program("espeak", "espeak-ng", "espeak-ng")

    def draw(self, split: str, generator: np.random.Generator) -> Manner:
        """Return a voice; two of the variants are for dev."""
        return draw_manner(VOICES, split, HELD_OUT, generator)

    def speak(self, text: str, manner: Manner, generator: np.random.Generator) -> Speech:
        """Say it."""
        speed, pitch = round(WORDS_A_MINUTE * manner.speed), round(PITCH * manner.pitch)
        return run_program(
            [self._program, "-v", manner.voice, "-s", str(speed), "-p", str(pitch), "--stdin",
             "-w", SOUND_FILE], text,
        )  # fmt: skip


def load(voices: Path | None) -> Espeak:
    """Return the engine."""
    return Espeak()
