"""Interpolates the weights of a checkpoint with those of the Whisper model it started from.

In: a checkpoint and Whisper's weights. Out: a checkpoint with weights between both. It keeps most
of what it learned from a few speakers, and recovers on other voices (Wortsman et al., "Robust
fine-tuning of zero-shot models", arXiv:2109.01903).
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from torch import Tensor

from auricle.errors import ArgumentError, ModelError
from auricle_train.models.attention_decoder import AttentionDecoder
from auricle_train.models.dimensions import Shape
from auricle_train.models.transducer import Encoder
from auricle_train.models.whisper_weights import read_part

TABLES = ("embedding.weight", "prompt")  # decoder weights that training never changes


def drawn_back(saved: dict[str, Any], whisper: Path, share: float) -> dict[str, Any]:
    """Return the checkpoint with encoder weights `share` * own + (1 - `share`) * Whisper's.

    Raises:
        ArgumentError: the share is not from 0 to 1.
        ModelError: the encoder is not of Whisper's kind or size.
    """
    origin = _whisper_encoder(saved, whisper, share)
    model = dict(saved["model"])
    model |= _between(model, "encoder", "encoder", origin, share)
    return _kept(saved) | {"model": model}


def with_second_encoder(
    saved: dict[str, Any], whisper: Path, encoder_share: float, decoder_share: float
) -> dict[str, Any]:
    """Return the checkpoint with interpolated second pass, which gets its own encoder.

    The encoder is interpolated from the existing second encoder, or else from that of the first
    pass. The first pass does not change.

    Args:
        saved: checkpoint.
        whisper: CTranslate2 `model.bin`.
        encoder_share: weight of the checkpoint's encoder, 0 to 1; the rest is Whisper's.
        decoder_share: weight of the checkpoint's decoder; its piece table is Whisper's anyway.

    Raises:
        ArgumentError: a share is not from 0 to 1.
        ModelError: encoder or decoder do not match this Whisper model.
    """
    origin = _whisper_encoder(saved, whisper, encoder_share)
    decoder = _whisper_decoder(saved, whisper, decoder_share)
    model = dict(saved["model"])
    own = "second_encoder" if saved["shape"].get("second_encoder") else "encoder"
    model |= _between(model, own, "second_encoder", origin, encoder_share)
    model |= _between(model, "decoder", "decoder", decoder, decoder_share)
    shape = saved["shape"] | {"second_encoder": True}
    shares = {"encoder_share": encoder_share, "decoder_share": decoder_share}
    return _kept(saved) | {"model": model, "shape": shape, "second_pass": shares}


def _between(
    model: dict[str, Tensor], source: str, target: str, origin: Mapping[str, Tensor], share: float
) -> dict[str, Tensor]:
    """Return weights for `target`: `share` * `source` + (1 - `share`) * `origin`."""
    return {
        f"{target}.{name}": share * model[f"{source}.{name}"].float() + (1 - share) * value
        for name, value in origin.items()
    }


def _whisper_encoder(saved: dict[str, Any], whisper: Path, share: float) -> dict[str, Tensor]:
    """Return the weights of Whisper's encoder by our names; raises as `drawn_back` does."""
    _check(share)
    shape = Shape(**saved["shape"])
    if shape.encoder != "attention":
        raise ModelError(
            f"checkpoint: has an encoder of kind {shape.encoder!r}, not Whisper's: use another"
        )
    origin = Encoder(shape)
    try:
        origin.load_whisper(read_part(whisper, "encoder"))
    except (KeyError, RuntimeError) as error:
        raise _other(whisper) from error
    return origin.state_dict()


def _whisper_decoder(saved: dict[str, Any], whisper: Path, share: float) -> dict[str, Tensor]:
    """Return the weights of Whisper's decoder by our names, without TABLES."""
    _check(share)
    shape = Shape(**saved["shape"])
    decoder = AttentionDecoder(
        shape.width, shape.heads, shape.hidden, shape.decoder_layers, shape.pieces, shape.prompt
    )
    try:
        some = [0] * shape.pieces, [0] * shape.prompt  # placeholders for TABLES, which are dropped
        decoder.load_whisper(read_part(whisper, "decoder"), *some)
    except (KeyError, RuntimeError) as error:
        raise _other(whisper) from error
    return {name: value for name, value in decoder.state_dict().items() if name not in TABLES}


def _check(share: float) -> None:
    if not 0 <= share <= 1:
        raise ArgumentError(f"share is {share}; it must be 0 to 1")


def _other(whisper: Path) -> ModelError:
    return ModelError(f"{whisper}: not the Whisper model that the checkpoint started from")


def _kept(saved: dict[str, Any]) -> dict[str, Any]:
    return {key: value for key, value in saved.items() if key != "optimizer"}
