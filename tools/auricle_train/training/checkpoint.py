"""Checkpoints on disk: written whole or not at all, read by shape.

In: the state of a run. Out: one file, replaced in one go, so that there is always a good one. A
checkpoint of the first pass alone, made before there was a second, still gives its weights.
"""

from __future__ import annotations

import os
import zipfile
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from auricle.errors import ModelError, StorageError
from auricle_train.models.dimensions import Shape
from auricle_train.models.transducer import Encoder, Transducer

TABLE = "decoder.embedding.weight"  # of the pieces of the second pass


def write(path: Path, state: dict[str, Any]) -> None:
    """Replace the checkpoint; on failure the old one stays and nothing else is left.

    Raises:
        StorageError: the disk is full, or may not be written to.
    """
    partial = path.with_suffix(".partial")
    try:
        with partial.open("wb") as file:
            torch.save(state, file)
            file.flush()
            os.fsync(file.fileno())
        os.replace(partial, path)
    except (OSError, RuntimeError) as error:  # PyTorch tells of a write that failed by the latter
        partial.unlink(missing_ok=True)
        reason = error if isinstance(error, OSError) else error.__context__ or error
        raise StorageError(f"{path}: not written: {reason}: free some space") from error


def read(path: Path) -> dict[str, Any]:
    """Return what `write` was given, on the CPU.

    Raises:
        ModelError: it is not a checkpoint.
    """
    if not zipfile.is_zipfile(path):
        raise ModelError(f"{path}: not a checkpoint, or missing: name another")
    saved: dict[str, Any] = torch.load(path, map_location="cpu", weights_only=True)
    return saved


def load_weights(checkpoint: Path) -> dict[str, Tensor]:
    """Return the weights of a checkpoint, float32."""
    return {name: value.float() for name, value in read(checkpoint)["model"].items()}


def load_model(checkpoint: Path) -> Transducer:
    """Return the network of a checkpoint, in evaluation mode."""
    saved = read(checkpoint)
    model = Transducer(Shape(**saved["shape"]))
    take(model, saved)
    return model.eval()


def take(model: Transducer, saved: dict[str, Any]) -> None:
    """Give a network the weights of a checkpoint, as far as the parts are of one kind.

    The decoder stays as it is where the checkpoint has none, and its table where the checkpoint has
    other pieces; so does the encoder where the checkpoint's is of the other kind, for heads and
    decoder fit both. A first pass that has had no layers of its own begins with the encoder's; so
    does a second pass that has had no encoder of its own.

    Raises:
        ModelError: the shapes do not fit.
    """
    kept = _not_in(saved, model.shape)

    def stays(name: str) -> bool:
        return name in kept or name.split(".", 1)[0] in kept

    weights = {name: item.float() for name, item in saved["model"].items() if not stays(name)}
    weights |= {name: item for name, item in model.state_dict().items() if stays(name)}
    try:
        model.load_state_dict(weights)
    except RuntimeError as error:
        raise ModelError(
            f"checkpoint: of shape {saved['shape']}, wanted {model.shape.as_dict()}: "
            "name one of the same sizes and vocabularies"
        ) from error
    if "branch" in kept and model.branch is not None and isinstance(model.encoder, Encoder):
        model.branch.grow(model.encoder)
    if "second_encoder" in kept and model.second_encoder is not None:
        model.second_encoder.load_state_dict(model.encoder.state_dict())


def _not_in(saved: dict[str, Any], shape: Shape) -> set[str]:
    """Return the parts, or single weights, of a network that a checkpoint cannot give."""
    other = Shape(**saved["shape"])
    missing = {
        TABLE: saved["shape"].get("pieces") != shape.pieces,  # Whisper's, for no run changes it
        "encoder": other.encoder != shape.encoder,
        "decoder": not any(name.startswith("decoder.") for name in saved["model"]),
        "branch": shape.branch > 0 and not other.branch,
        "second_encoder": shape.second_encoder and not other.second_encoder,
    }
    return {name for name, is_missing in missing.items() if is_missing}
