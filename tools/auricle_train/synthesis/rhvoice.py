"""The program RHVoice: statistical voices built from CMU ARCTIC, always at default speed."""

from __future__ import annotations

from pathlib import Path

from auricle_train.synthesis.engine import Manner
from auricle_train.synthesis.program import Program

VOICES = ("bdl", "clb", "slt")
HELD_OUT = ("clb",)


def load(voices: Path | None) -> Program:
    """Return the engine."""
    licence = "free (CMU ARCTIC voices)"
    return Program("rhvoice", "RHVoice-test", "rhvoice", licence, VOICES, HELD_OUT, _arguments)


def _arguments(text: str, manner: Manner, path: str) -> list[str]:
    return ["-p", manner.voice, "-o", path]
