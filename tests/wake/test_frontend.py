"""The micro front end."""

from __future__ import annotations

import numpy as np
import pytest

from auricle.audio.format import FRAME_SAMPLES, Samples
from auricle.errors import ArgumentError
from auricle.wake.frontend import CHANNELS, MicroFeatures


def features(frontend: MicroFeatures, samples: Samples) -> list[int]:
    frames = samples[: len(samples) // FRAME_SAMPLES * FRAME_SAMPLES].reshape(-1, FRAME_SAMPLES)
    return [len(frontend.step(frame)) for frame in frames]


def test_every_frame_but_the_first_two_gives_features(command: Samples) -> None:
    assert features(MicroFeatures(), command[:8000]) == [0, 0] + [1] * 48


def test_features_are_as_the_models_expect_them(command: Samples) -> None:
    frontend = MicroFeatures()
    features(frontend, command[:18_400])
    loud = frontend.step(command[18_400:18_560])
    assert loud.shape == (1, CHANNELS)
    assert loud.dtype == np.float32
    assert 0 <= loud.min() < loud.max() <= 26


def test_after_a_reset_the_room_is_unknown_again(command: Samples) -> None:
    frontend = MicroFeatures()
    fresh = [frontend.step(frame).tolist() for frame in command[:4800].reshape(-1, FRAME_SAMPLES)]
    features(frontend, command[20_000:])
    frontend.reset()
    again = [frontend.step(frame).tolist() for frame in command[:4800].reshape(-1, FRAME_SAMPLES)]
    assert again == fresh


@pytest.mark.parametrize(
    "frame",
    [np.zeros(80, np.int16), np.zeros((160, 2), np.int16), np.zeros(160, np.float32)],
)
def test_a_frame_of_another_shape_or_type_is_refused(frame: np.ndarray) -> None:
    with pytest.raises(ArgumentError, match="it must be int16 of shape"):
        MicroFeatures().step(frame)
