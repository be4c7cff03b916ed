"""The program CMU Flite: diphone and clustergen voices built from CMU ARCTIC."""

from __future__ import annotations

from pathlib import Path

from auricle_train.synthesis.engine import Manner
from auricle_train.synthesis.program import Program

VOICES = ("kal16", "awb", "rms", "slt")
HELD_OUT = ("awb",)  # Scottish accent


def load(voices: Path | None) -> Program:
    """Return the engine."""
    return Program("flite", "flite", "flite", "free (CMU Flite)", VOICES, HELD_OUT, _arguments)


def _arguments(text: str, manner: Manner, path: str) -> list[str]:
    stretch = f"duration_stretch={1.0 / manner.speed:.3f}"
    return ["-voice", manner.voice, "--setf", stretch, "-t", text, "-o", path]
