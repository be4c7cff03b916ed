"""Moves weights back towards the Whisper that they were trained from.

In: a checkpoint and Whisper's weights. Out: a checkpoint whose weights lie between both. What a few
speakers taught stays, and voices that were not heard since are understood again (Wortsman et al.,
"Robust fine-tuning of zero-shot models", arXiv:2109.01903).
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

TABLES = ("embedding.weight", "prompt")  # of the decoder: tokens of Whisper's, which no run changes


def drawn_back(saved: dict[str, Any], whisper: Path, share: float) -> dict[str, Any]:
    """Return the checkpoint anew; of its encoder `share` stays, the rest is Whisper's.

    Raises:
        ArgumentError: the share is not from 0 to 1.
        ModelError: the encoder is not one of Whisper's, or of another size.
    """
    origin = _whisper_encoder(saved, whisper, share)
    model = dict(saved["model"])
    model |= _between(model, "encoder", "encoder", origin, share)
    return _kept(saved) | {"model": model}


def with_second_encoder(
    saved: dict[str, Any], whisper: Path, encoder_share: float, decoder_share: float
) -> dict[str, Any]:
    """Return the checkpoint with an encoder of the second pass' own, and its decoder anew.

    Of a second encoder that is there already `encoder_share` stays, else of the first pass' one;
    the rest is Whisper's. The first pass is not touched.

    Args:
        saved: checkpoint.
        whisper: CTranslate2's `model.bin`.
        encoder_share: of the checkpoint in the encoder, 0 to 1.
        decoder_share: the same in the decoder; its table of pieces is Whisper's in any case.

    Raises:
        ArgumentError: a share is not from 0 to 1.
        ModelError: encoder or decoder are not those of this Whisper.
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
    """Return the weights of `target`: `share` of those of `source`, the rest of `origin`."""
    return {
        f"{target}.{name}": share * model[f"{source}.{name}"].float() + (1 - share) * value
        for name, value in origin.items()
    }


def _whisper_encoder(saved: dict[str, Any], whisper: Path, share: float) -> dict[str, Tensor]:
    """Return Whisper's encoder by our names; raises as `drawn_back` does."""
    _check(share)
    shape = Shape(**saved["shape"])
    if shape.encoder != "attention":
        raise ModelError(f"checkpoint: its encoder is of kind {shape.encoder!r}, not Whisper's")
    origin = Encoder(shape)
    try:
        origin.load_whisper(read_part(whisper, "encoder"))
    except (KeyError, RuntimeError) as error:
        raise _other(whisper) from error
    return origin.state_dict()


def _whisper_decoder(saved: dict[str, Any], whisper: Path, share: float) -> dict[str, Tensor]:
    """Return Whisper's decoder by our names, but for the table of pieces."""
    _check(share)
    shape = Shape(**saved["shape"])
    decoder = AttentionDecoder(
        shape.width, shape.heads, shape.hidden, shape.decoder_layers, shape.pieces, shape.prompt
    )
    try:
        some = [0] * shape.pieces, [0] * shape.prompt  # tokens of the tables, which are left out
        decoder.load_whisper(read_part(whisper, "decoder"), *some)
    except (KeyError, RuntimeError) as error:
        raise _other(whisper) from error
    return {name: value for name, value in decoder.state_dict().items() if name not in TABLES}


def _check(share: float) -> None:
    if not 0 <= share <= 1:
        raise ArgumentError(f"share is {share}; it must be 0 to 1")


def _other(whisper: Path) -> ModelError:
    return ModelError(f"{whisper}: not the Whisper that the checkpoint began as")


def _kept(saved: dict[str, Any]) -> dict[str, Any]:
    return {key: value for key, value in saved.items() if key != "optimizer"}
