"""The program espeak-ng: formant synthesis, unnatural, with many accents and variants."""

from __future__ import annotations

from pathlib import Path

from auricle_train.synthesis.engine import Manner
from auricle_train.synthesis.program import Program

ACCENTS = ("en-us", "en-gb", "en-gb-scotland", "en-gb-x-gbclan", "en-gb-x-rp", "en-029")
VARIANTS = ("m1", "m3", "m4", "m7", "f2", "f3", "f4", "f5", "klatt2", "klatt4", "steph", "adam")
VOICES = tuple(f"{accent}+{variant}" for accent in ACCENTS for variant in VARIANTS)
HELD_OUT = tuple(voice for voice in VOICES if voice.endswith(("+m4", "+f4")))
WORDS_A_MINUTE = 165  # default speed
PITCH = 50  # default, on a scale of 0 to 99


def load(voices: Path | None) -> Program:
    """Return the engine."""
    licence = "no rights in the output of a program"
    return Program("espeak", "espeak-ng", "espeak-ng", licence, VOICES, HELD_OUT, _arguments)


def _arguments(text: str, manner: Manner, path: str) -> list[str]:
    speed, pitch = round(WORDS_A_MINUTE * manner.speed), round(PITCH * manner.pitch)
    return ["-v", manner.voice, "-s", str(speed), "-p", str(pitch), "--stdin", "-w", path]
