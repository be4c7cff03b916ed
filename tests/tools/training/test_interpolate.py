"""An encoder between the one that was trained and Whisper's."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import torch

from auricle.errors import ArgumentError, ModelError
from auricle_train.models.attention_decoder import AttentionDecoder
from auricle_train.models.dimensions import Shape
from auricle_train.models.transducer import Encoder, Transducer
from auricle_train.models.whisper_weights import read_part
from auricle_train.training.interpolate import drawn_back, with_second_encoder
from testbed.small_training import SHAPE, make_objective, write_whisper


def saved(encoder: str = "attention") -> dict[str, Any]:
    shape = replace(SHAPE, encoder=encoder)
    model = make_objective(shape=shape).model
    return {"shape": shape.as_dict(), "model": model.state_dict(), "optimizer": {}, "step": 7}


@pytest.mark.parametrize("share", [0.0, 0.25, 1.0])
def test_the_encoder_lies_between_both_and_the_rest_stays(tmp_path: Path, share: float) -> None:
    whisper, own = write_whisper(tmp_path), saved()
    made = drawn_back(own, whisper, share)
    origin = Encoder(SHAPE)
    origin.load_whisper(read_part(whisper, "encoder"))
    for name, value in origin.state_dict().items():
        expected = share * own["model"][f"encoder.{name}"] + (1 - share) * value
        torch.testing.assert_close(made["model"][f"encoder.{name}"], expected)
    for name in made["model"].keys() - {f"encoder.{name}" for name in origin.state_dict()}:
        assert made["model"][name] is own["model"][name]
    assert (made["step"], "optimizer" in made) == (7, False)


def whisper_parts(whisper: Path) -> tuple[Encoder, AttentionDecoder]:
    encoder = Encoder(SHAPE)
    encoder.load_whisper(read_part(whisper, "encoder"))
    decoder = AttentionDecoder(
        SHAPE.width, SHAPE.heads, SHAPE.hidden, SHAPE.decoder_layers, SHAPE.pieces, SHAPE.prompt
    )
    decoder.load_whisper(read_part(whisper, "decoder"), range(SHAPE.pieces), range(SHAPE.prompt))
    return encoder, decoder


def test_the_second_pass_lies_between_both_and_the_first_stays(tmp_path: Path) -> None:
    whisper, own = write_whisper(tmp_path), saved()
    made = with_second_encoder(own, whisper, 0.25, 0.75)
    encoder, decoder = whisper_parts(whisper)
    for name, value in encoder.state_dict().items():
        expected = 0.25 * own["model"][f"encoder.{name}"] + 0.75 * value
        torch.testing.assert_close(made["model"][f"second_encoder.{name}"], expected)
    for name, value in decoder.state_dict().items():
        share = 1.0 if name in ("prompt", "embedding.weight") else 0.75
        expected = share * own["model"][f"decoder.{name}"] + (1 - share) * value
        torch.testing.assert_close(made["model"][f"decoder.{name}"], expected)
    for name in own["model"].keys() - {name for name in own["model"] if name[:8] == "decoder."}:
        assert made["model"][name] is own["model"][name]
    assert made["shape"] == own["shape"] | {"second_encoder": True}
    Transducer(Shape(**made["shape"])).load_state_dict(made["model"])


def test_a_second_encoder_that_is_there_is_moved(tmp_path: Path) -> None:
    whisper = write_whisper(tmp_path)
    once = with_second_encoder(saved(), whisper, 0.5, 1.0)
    twice = with_second_encoder(once, whisper, 0.5, 1.0)
    direct = with_second_encoder(saved(), whisper, 0.25, 1.0)
    for name, value in direct["model"].items():
        torch.testing.assert_close(twice["model"][name], value)


def test_what_cannot_be_averaged_is_refused(tmp_path: Path) -> None:
    whisper = write_whisper(tmp_path)
    with pytest.raises(ArgumentError, match=r"share is 1\.5; it must be 0 to 1"):
        drawn_back(saved(), whisper, 1.5)
    with pytest.raises(ModelError, match="of kind 'lstm', not Whisper's"):
        drawn_back(saved("lstm"), whisper, 0.5)
    other = tmp_path / "other"
    other.mkdir()
    with pytest.raises(ModelError, match="not the Whisper model that the checkpoint started from"):
        drawn_back(saved(), write_whisper(other, replace(SHAPE, width=48, heads=3)), 0.5)
    with pytest.raises(ArgumentError, match=r"share is -1; it must be 0 to 1"):
        with_second_encoder(saved(), whisper, 0.5, -1)
    with pytest.raises(ModelError, match="not the Whisper model that the checkpoint started from"):
        with_second_encoder(saved(), other / "model.bin", 0.5, 0.5)
