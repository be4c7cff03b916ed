"""Other recognisers for comparison on the same files, with one thread each.

In: int16 samples of a whole recording. Out: the text. Whisper runs in int8 on the CPU with the
defaults of faster-whisper (beam 5, seeded temperature fallback), in English, without time stamps.
PocketSphinx uses the model of its package.
"""

from __future__ import annotations

import importlib
from collections.abc import Sequence
from pathlib import Path
from types import ModuleType
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from auricle.errors import ModelError

SEED = 0
BEAM = 5


class Peer(Protocol):
    """A recogniser of whole recordings."""

    name: str

    def read(self, samples: NDArray[np.int16]) -> str:
        """Return the text of (n,) int16 at 16 kHz."""
        ...


class Whisper:
    """OpenAI's Whisper (arXiv:2212.04356) in CTranslate2, by faster-whisper."""

    def __init__(self, model: str) -> None:
        """Load a folder, or a model of that name, such as "tiny.en", from Hugging Face.

        Raises:
            ModelError: faster-whisper is not installed, or the model cannot be loaded.
        """
        self.name = f"Whisper {Path(model).name}"
        package = _import("faster_whisper", "faster-whisper")
        self._set_seed = _import("ctranslate2", "ctranslate2").set_random_seed
        try:
            self._model = package.WhisperModel(
                model, device="cpu", compute_type="int8", cpu_threads=1, num_workers=1
            )
        except (OSError, RuntimeError, ValueError) as error:
            raise ModelError(
                f"Whisper model {model!r} cannot be loaded ({error}); name a folder with "
                "model.bin, config.json, tokenizer.json and vocabulary, or be online"
            ) from error

    def read(self, samples: NDArray[np.int16]) -> str:
        """Return the text."""
        self._set_seed(SEED)
        sound = samples.astype(np.float32) / 32768.0
        segments, _ = self._model.transcribe(
            sound,
            language="en",
            beam_size=BEAM,
            condition_on_previous_text=False,
            without_timestamps=True,
        )
        return " ".join(segment.text for segment in segments)


class PocketSphinx:
    """CMU PocketSphinx with its own US English models."""

    name = "PocketSphinx"

    def __init__(self) -> None:
        """Load the models.

        Raises:
            ModelError: PocketSphinx is not installed.
        """
        self._decoder = _import("pocketsphinx", "pocketsphinx").Decoder(loglevel="FATAL")

    def read(self, samples: NDArray[np.int16]) -> str:
        """Return the text."""
        self._decoder.start_utt()
        self._decoder.process_raw(samples.tobytes(), full_utt=True)
        self._decoder.end_utt()
        best = self._decoder.hyp()
        return best.hypstr if best else ""


def load_peers(whisper: Sequence[str]) -> list[Peer]:
    """Load Whisper models, by folder or name, and PocketSphinx.

    Raises:
        ModelError: a package or a model is missing.
    """
    return [*(Whisper(model) for model in whisper), PocketSphinx()]


def _import(module: str, package: str) -> ModuleType:
    """Import a package that only the peers need."""
    try:
        return importlib.import_module(module)
    except ImportError as error:
        raise ModelError(
            f"peers: the Python package {package} is missing; install it, or auricle's extra "
            "`peers`, or leave --peers out"
        ) from error
