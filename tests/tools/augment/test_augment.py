"""Disturbances are seeded, finite, in range, and keep the time axis."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from auricle.audio.file import read_recording
from auricle.features import SILENCE, LogMel
from auricle_train.augment import room_impulse_responses
from auricle_train.augment.augment import (
    USUAL,
    Disturbance,
    Sounds,
    add_background,
    change_speed,
    disturb,
    disturb_features,
    shift_formants,
)
from auricle_train.augment.channel import CODECS, pass_codec
from auricle_train.augment.pitch import shift_pitch
from auricle_train.augment.room_impulse_responses import load_rooms
from testbed.recordings import Recording

NONE = Disturbance(
    speed=0, pitch=0, formants=0, room=0, background=0, babble=0, band=0, colour=0, hum=0,
    clipped=0, codec=0, gain=(0.0, 0.0), masked_bands=(0, 1), masked_frames=(10**9, 1),
)  # fmt: skip
KINDS = ("pitch", "room", "background", "babble", "band", "colour", "hum", "clipped", "codec")


@pytest.fixture(scope="module")
def speech(recordings: dict[str, Recording]) -> np.ndarray:
    return read_recording(recordings["must_sleep"].path).astype(np.float32) / 32768


@pytest.fixture(scope="module")
def sounds(recordings: dict[str, Recording]) -> Sounds:
    rain = read_recording(recordings["rain"].path).astype(np.float32) / 32768
    talkers = [read_recording(recordings[name].path) for name in ("go", "down", "big_news")]
    room = np.zeros(4000, np.float32)
    room[[0, 900, 3999]] = 1.0, -0.4, 0.1
    return Sounds([rain], talkers, [room])


def loudness(samples: np.ndarray) -> np.ndarray:
    """Return the level of each 20 ms, in dB."""
    frames = samples[: len(samples) // 320 * 320].reshape(-1, 320)
    return 10 * np.log10(np.mean(frames**2, axis=1) + 1e-8)


@pytest.mark.parametrize("kind", KINDS)
def test_each_disturbance_changes_samples_and_keeps_their_time(
    kind: str, speech: np.ndarray, sounds: Sounds
) -> None:
    for seed in range(8):
        made = disturb(speech, sounds, np.random.default_rng(seed), replace(NONE, **{kind: 1.0}))
        assert made.shape == speech.shape
        assert made.dtype == np.float32
        assert np.isfinite(made).all()
        assert np.abs(made - speech).max() > 1e-4
        # Loud and quiet moments stay where they are: no shift fits better than none.
        before, after = (level - level.mean() for level in (loudness(speech), loudness(made)))
        fits = [np.sum(before[5:-5] * np.roll(after, shift)[5:-5]) for shift in range(-5, 6)]
        assert abs(int(np.argmax(fits)) - 5) <= 1


def test_nothing_happens_where_nothing_is_asked_for(speech: np.ndarray, sounds: Sounds) -> None:
    np.testing.assert_array_equal(disturb(speech, sounds, np.random.default_rng(0), NONE), speech)
    features = LogMel().whole(speech)
    disturbed = features.copy()
    disturb_features(disturbed, np.random.default_rng(0), NONE)
    np.testing.assert_array_equal(disturbed, features)


@settings(max_examples=40, deadline=None)
@given(seed=st.integers(0, 2**32), count=st.integers(1, 9000), loud=st.floats(0.0, 1.0))
def test_any_samples_stay_finite_in_range_and_the_same_for_a_seed(
    speech: np.ndarray, sounds: Sounds, seed: int, count: int, loud: float
) -> None:
    often = replace(USUAL, **dict.fromkeys(KINDS, 0.5))
    samples = speech[:count] * np.float32(loud)
    one, two = (disturb(samples, sounds, np.random.default_rng(seed), often) for _ in range(2))
    assert one.shape == samples.shape
    assert np.abs(one).max() <= 1.0
    np.testing.assert_array_equal(one, two)


@settings(max_examples=20, deadline=None)
@given(seed=st.integers(0, 2**32))
def test_features_are_masked_and_warped_the_same_for_a_seed(speech: np.ndarray, seed: int) -> None:
    features = LogMel().whole(speech)
    one, two = features.copy(), features.copy()
    for copy in (one, two):
        disturb_features(copy, np.random.default_rng(seed), replace(USUAL, formants=1.0))
    np.testing.assert_array_equal(one, two)
    assert one.min() >= SILENCE - 1e-5
    assert one.max() <= features.max() + 1e-5


@pytest.mark.parametrize("factor", [0.84, 1.0, 1.19])
def test_pitch_moves_by_the_factor_and_the_length_stays(factor: float) -> None:
    time = np.arange(16_000) / 16_000
    tone = (0.5 * np.sin(2 * np.pi * 440 * time)).astype(np.float32)
    made = shift_pitch(tone, factor)
    assert made.shape == tone.shape
    assert np.argmax(np.abs(np.fft.rfft(made * np.hanning(16_000)))) == round(440 * factor)
    assert np.std(made[2000:-2000]) == pytest.approx(np.std(tone), rel=0.1)


def test_formants_move_up_by_the_factor() -> None:
    time = np.arange(16_000) / 16_000
    log_mel = LogMel()
    low, high = (log_mel.whole(0.3 * np.sin(2 * np.pi * hertz * time).astype(np.float32))
                 for hertz in (2000, 2200))  # fmt: skip
    shifted = shift_formants(low, 1.1)
    assert np.argmax(shifted.mean(axis=0)) == np.argmax(high.mean(axis=0))
    np.testing.assert_array_equal(shift_formants(low, 1.0), low)


def test_speed_changes_the_length(speech: np.ndarray) -> None:
    assert len(change_speed(speech, 1.25)) == int(len(speech) / 1.25)


def test_background_has_the_ratio_that_was_asked_for(speech: np.ndarray, sounds: Sounds) -> None:
    made = add_background(speech, sounds.backgrounds[0], 10.0, np.random.default_rng(0))
    noise = made - speech
    assert 10 * np.log10(np.mean(speech**2) / np.mean(noise**2)) == pytest.approx(10.0, abs=0.1)


def test_every_codec_can_be_drawn_and_gives_speech_back(speech: np.ndarray) -> None:
    made = [pass_codec(speech, np.random.default_rng(seed)) for seed in range(16)]
    distinct = {samples.tobytes(): samples for samples in made}
    assert len(distinct) == len(CODECS)
    for samples in distinct.values():
        assert np.corrcoef(samples, speech)[0, 1] > 0.8


def test_rooms_start_with_the_direct_sound_and_are_simulated_once(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    bank = load_rooms(4, 3, tmp_path)
    for room in bank:
        assert room[0] == 1.0
        assert np.isfinite(room).all()
        assert room.dtype == np.float32
        assert 800 < len(room) <= 9600
        assert np.sum(room[-80:] ** 2) < 0.01 * np.sum(room**2)
    assert len({room.tobytes() for room in bank}) == 4
    monkeypatch.delattr(room_impulse_responses, "simulate")
    for room, again in zip(bank, load_rooms(4, 3, tmp_path), strict=True):
        np.testing.assert_array_equal(room, again)
