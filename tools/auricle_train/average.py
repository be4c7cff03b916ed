"""Draws an encoder back towards the Whisper that it was trained from.

In: a checkpoint and Whisper's weights. Out: a checkpoint whose encoder's weights lie between both.
What a few speakers taught it stays, and voices that it has not heard since are understood again
(Wortsman et al., "Robust fine-tuning of zero-shot models", arXiv:2109.01903).
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

from auricle.errors import ArgumentError, ModelError
from auricle_train.network import Encoder
from auricle_train.shape import Shape
from auricle_train.whisper import read_part


def drawn_back(saved: dict[str, Any], whisper: Path, share: float) -> dict[str, Any]:
    """Return the checkpoint anew; of its encoder `share` stays, the rest is Whisper's.

    Raises:
        ArgumentError: the share is not from 0 to 1.
        ModelError: the encoder is not one of Whisper's, or of another size.
    """
    if not 0 <= share <= 1:
        raise ArgumentError(f"share is {share}; it must be 0 to 1")
    shape = Shape(**saved["shape"])
    if shape.encoder != "attention":
        raise ModelError(f"checkpoint: its encoder is of kind {shape.encoder!r}, not Whisper's")
    origin = Encoder(shape)
    try:
        origin.load_whisper(read_part(whisper, "encoder"))
    except (KeyError, RuntimeError) as error:
        raise ModelError(f"{whisper}: not the Whisper that the checkpoint began as") from error
    model = dict(saved["model"])
    for name, value in origin.state_dict().items():
        own = model[f"encoder.{name}"].float()
        model[f"encoder.{name}"] = share * own + (1 - share) * value
    kept = {key: value for key, value in saved.items() if key != "optimizer"}
    return kept | {"model": model}
