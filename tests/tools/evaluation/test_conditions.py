"""Noise under speech, made of other recordings."""

from __future__ import annotations

import numpy as np
import pytest

from auricle.errors import ArgumentError
from auricle_train.data.corpus import Clip
from auricle_train.evaluation.conditions import (
    CONDITIONS,
    Background,
    Condition,
    Place,
    voice_level,
)


@pytest.fixture
def background(clips: dict[str, Clip]) -> Background:
    return Background(
        voices=[clip for clip in clips.values() if clip.text],
        noises=[clips["rain"], clips["room"]],
        music=[clips["jazz"]],
    )


@pytest.mark.parametrize("condition", CONDITIONS, ids=str)
def test_the_noise_is_as_far_below_the_voice_as_was_asked(
    background: Background, clips: dict[str, Clip], condition: Condition
) -> None:
    clip = clips["must_sleep"]
    silence = np.zeros(40000, np.int16)
    samples = np.concatenate([clip.samples, silence])
    noise = background.mix(clip, samples, condition).astype(np.float64) - samples
    level = voice_level(clip.samples) / np.sqrt(np.mean(noise**2))
    assert 20 * np.log10(level) == pytest.approx(condition.decibels, abs=0.2)


def test_the_same_noise_comes_in_every_run_and_another_under_each_clip(
    background: Background, clips: dict[str, Clip]
) -> None:
    condition = Condition(Place.CAFE, 12.0)
    one, other = clips["must_sleep"], clips["peter_sees"]
    first, again = (background.mix(one, one.samples, condition) for _ in range(2))
    assert np.array_equal(first, again)
    second = background.mix(other, other.samples, condition)
    noises = first.astype(int) - one.samples, second[: len(first)].astype(int)
    assert abs(np.corrcoef(noises[0], noises[1] - other.samples[: len(first)])[0, 1]) < 0.2


def test_nobody_talks_against_himself(clips: dict[str, Clip]) -> None:
    clip = clips["must_sleep"]
    alone = Background([clip], [clips["rain"]], [])
    with pytest.raises(ArgumentError, match="no voices of other speakers"):
        alone.mix(clip, clip.samples, Condition(Place.CAFE, 12.0))


def test_what_the_dev_split_lacks_is_named(clips: dict[str, Clip]) -> None:
    clip = clips["must_sleep"]
    with pytest.raises(ArgumentError, match="no music"):
        Background([], [], []).mix(clip, clip.samples, Condition(Place.MUSIC, 12.0))


def test_loud_noise_does_not_clip_the_voice(background: Background, clips: dict[str, Clip]) -> None:
    clip = clips["must_sleep"]
    loud = Clip(
        "loud", (clip.samples * (32767 / np.abs(clip.samples).max())).astype(np.int16), "", ""
    )
    mixed = background.mix(loud, loud.samples, Condition(Place.KITCHEN, 0.0))
    assert np.sum(np.abs(mixed.astype(int)) >= 32767) <= 1
