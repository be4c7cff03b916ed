"""Synthesises training speech from text. Each voice engine is one module, listed in `ENGINES`.

Each module has a function `load(voices)` that returns an `Engine`. It raises EngineError if a
package or program is missing.
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
    """Load an engine.

    Args:
        name: key in `ENGINES`.
        voices: folder of voices; None for an engine that includes its voices.

    Raises:
        EngineError: a package or program is missing, or the folder has no voices for the engine.
    """
    try:
        return cast("Engine", importlib.import_module(ENGINES[name]).load(voices))
    except ModuleNotFoundError as error:
        raise EngineError(
            f"engine: {name} needs the Python module {error.name}, which is not installed; "
            "run: pip install 'auricle[synthesis]'"
        ) from error
