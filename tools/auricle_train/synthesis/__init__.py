"""Speech from text, to train on: one module a voice engine, and `ENGINES`, which names them.

A module has one function, `load(voices)`, which returns an `Engine`; it raises EngineError where a
package or a program is missing.
"""

from __future__ import annotations

import importlib
from pathlib import Path
from typing import cast

from auricle_train.synthesis.engine import Engine, EngineError

ENGINES = {
    "kokoro": "auricle_train.synthesis.kokoro",
    "hibari": "auricle_train.synthesis.hibari_voice",
    "piper": "auricle_train.synthesis.piper_voices",
    "espeak": "auricle_train.synthesis.espeak",
    "flite": "auricle_train.synthesis.flite",
    "rhvoice": "auricle_train.synthesis.rhvoice",
}


def load_engine(name: str, voices: Path | None) -> Engine:
    """Return an engine of `ENGINES`, ready to speak.

    Args:
        name: name of the engine.
        voices: folder of its voices, where it has none of its own.

    Raises:
        EngineError: what it needs is not installed, or the folder holds no voices of its kind.
    """
    try:
        return cast("Engine", importlib.import_module(ENGINES[name]).load(voices))
    except ModuleNotFoundError as error:
        raise EngineError(
            f"engine: {name} needs the Python module {error.name}, which is not installed; "
            "run: pip install 'auricle[synthesis]'"
        ) from error
