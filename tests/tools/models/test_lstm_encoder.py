"""The LSTM encoder streams: what it writes whole, it writes step by step."""

from __future__ import annotations

from dataclasses import replace

import pytest
import torch
from torch.nn import functional

from auricle.features import SILENCE
from auricle_train.models.dimensions import STACK, STRIDE, Shape
from auricle_train.models.lstm_encoder import LstmEncoder
from auricle_train.models.transducer import Encoder, Transducer
from auricle_train.training.precision import has_bfloat16
from testbed.small_training import SHAPE

SMALL = replace(SHAPE, layers=3, encoder="lstm")
JOINT = STRIDE * STACK  # feature frames to a frame of the joint


@pytest.fixture
def features() -> torch.Tensor:
    torch.manual_seed(0)
    return torch.randn(2, 30 * JOINT, 80)


@pytest.mark.parametrize("sizes", [[30], [1] * 30, [7, 2, 20, 1]])
@torch.no_grad()
def test_any_chunking_gives_the_same_frames(features: torch.Tensor, sizes: list[int]) -> None:
    encoder = LstmEncoder(SMALL)
    rest = functional.pad(features, (0, 0, 0, SMALL.ahead * JOINT), value=SILENCE)
    state, heard = encoder.initial_state(features), []
    for chunk in rest.split([*(size * JOINT for size in sizes), SMALL.ahead * JOINT], dim=1):
        frames, state = encoder.step(chunk, state)
        heard.append(frames)
    streamed = torch.cat(heard, dim=1)[:, SMALL.ahead * STACK :]
    torch.testing.assert_close(streamed, encoder(features))


@torch.no_grad()
def test_it_hears_ahead_and_no_further(features: torch.Tensor) -> None:
    encoder, changed = LstmEncoder(SMALL), features.clone()
    changed[:, 20 * JOINT :] = SILENCE
    same = (20 - SMALL.ahead) * STACK
    first, second = encoder(features), encoder(changed)
    torch.testing.assert_close(first[:, :same], second[:, :same])
    assert not torch.allclose(first[:, same : same + STACK], second[:, same : same + STACK])


def test_it_stands_in_the_place_of_the_other(features: torch.Tensor) -> None:
    frames = [Transducer(shape).frames(Transducer(shape).encoder(features))
              for shape in (SHAPE, SMALL)]  # fmt: skip
    assert frames[0].shape == frames[1].shape == (2, 30, SHAPE.joint)


def test_both_encoders_have_about_as_many_weights() -> None:
    lstm, attention = (
        sum(item.numel() for item in kind(Shape()).parameters()) for kind in (LstmEncoder, Encoder)
    )
    assert 0.97 < lstm / attention < 1.03


@pytest.mark.skipif(
    not has_bfloat16(torch.device("cpu")), reason="this processor trains in single precision"
)
def test_gradients_in_half_precision_are_those_of_single(features: torch.Tensor) -> None:
    torch.manual_seed(0)
    encoder = LstmEncoder(SMALL)
    found = []
    for half in (False, True):
        encoder.zero_grad()
        with torch.autocast("cpu", torch.bfloat16, enabled=half):
            encoded = encoder(features)
        encoded.float().square().mean().backward()
        found.append(torch.cat([item.grad.flatten() for item in encoder.parameters()]))
    assert functional.cosine_similarity(*found, dim=0) > 0.995
