"""Reads and writes checkpoints.

In: the state of a run. Out: one file, replaced atomically, so that there is always a complete one.
Old checkpoints without a second pass can still be read.
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

TABLE = "decoder.embedding.weight"  # piece embeddings of the second pass


def write(path: Path, state: dict[str, Any]) -> None:
    """Replace the checkpoint; on failure the old one stays, without partial files.

    Raises:
        StorageError: the disk is full or not writable.
    """
    partial = path.with_suffix(".partial")
    try:
        with partial.open("wb") as file:
            torch.save(state, file)
            file.flush()
            os.fsync(file.fileno())
        os.replace(partial, path)
    except (OSError, RuntimeError) as error:  # PyTorch raises RuntimeError if a write fails
        partial.unlink(missing_ok=True)
        reason = error if isinstance(error, OSError) else error.__context__ or error
        raise StorageError(f"{path}: not written: {reason}: free some space") from error


def read(path: Path) -> dict[str, Any]:
    """Return the state that `write` saved, on the CPU.

    Raises:
        ModelError: the file is missing or not a checkpoint.
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
    """Load the weights of a checkpoint into a network, as far as their parts match.

    The network keeps its decoder if the checkpoint has none, its piece table if the checkpoint has
    other pieces, and its encoder if the checkpoint's is of another kind; heads and decoder fit both
    kinds. If the checkpoint has no branch or no second encoder, these start as copies of the
    encoder's layers.

    Raises:
        ModelError: the shapes do not match.
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
            f"checkpoint: has shape {saved['shape']}, expected {model.shape.as_dict()}: "
            "use one with the same sizes and vocabularies"
        ) from error
    if "branch" in kept and model.branch is not None and isinstance(model.encoder, Encoder):
        model.branch.grow(model.encoder)
    if "second_encoder" in kept and model.second_encoder is not None:
        model.second_encoder.load_state_dict(model.encoder.state_dict())


def _not_in(saved: dict[str, Any], shape: Shape) -> set[str]:
    """Return the names of parts or weights that a network cannot take from a checkpoint."""
    other = Shape(**saved["shape"])
    missing = {
        TABLE: saved["shape"].get("pieces") != shape.pieces,  # training never changes it
        "encoder": other.encoder != shape.encoder,
        "decoder": not any(name.startswith("decoder.") for name in saved["model"]),
        "branch": shape.branch > 0 and not other.branch,
        "second_encoder": shape.second_encoder and not other.second_encoder,
    }
    return {name for name, is_missing in missing.items() if is_missing}
