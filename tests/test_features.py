"""Log-mel features: Whisper's definition, the same for any chunking."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from auricle.audio.file import read_recording
from auricle.features import BANDS, HOP, SILENCE, WINDOW, LogMel, mel_filters
from testbed.recordings import Recording


def in_chunks(samples: np.ndarray, sizes: list[int]) -> np.ndarray:
    log_mel = LogMel()
    state, frames, begin = log_mel.initial_state(), [], 0
    for size in [*sizes, len(samples)]:
        state, some = log_mel.step(state, samples[begin : begin + size])
        frames.append(some)
        begin += size
    return np.concatenate(frames)


@settings(deadline=None, max_examples=50)
@given(sizes=st.lists(st.integers(0, 700), max_size=20), seed=st.integers(0, 1000))
def test_any_chunking_gives_the_same_frames(sizes: list[int], seed: int) -> None:
    samples = np.random.default_rng(seed).integers(-9000, 9000, 5000).astype(np.int16)
    whole = LogMel().whole(samples)
    assert whole.shape == (5000 // HOP, BANDS)
    np.testing.assert_allclose(in_chunks(samples, sizes), whole, atol=1e-5)


def test_a_frame_is_the_log_of_mel_energies_of_the_last_25_ms(
    recordings: dict[str, Recording],
) -> None:
    samples = read_recording(recordings["must_sleep"].path)
    frame = 60
    end = (frame + 1) * HOP
    window = samples[end - WINDOW : end].astype(np.float64) / 32768
    hann = 0.5 - 0.5 * np.cos(2 * np.pi * np.arange(WINDOW) / WINDOW)
    turns = np.outer(np.arange(WINDOW // 2 + 1), np.arange(WINDOW)) / WINDOW
    power = np.abs(np.exp(-2j * np.pi * turns) @ (window * hann)) ** 2
    expected = (np.log10(np.maximum(power @ mel_filters(), 1e-7)) + 4) / 4
    np.testing.assert_allclose(LogMel().whole(samples)[frame], expected, atol=1e-4)


def test_silence_is_the_floor_and_a_tone_stands_out_in_its_band() -> None:
    silence = LogMel().whole(np.zeros(1600, np.int16))
    np.testing.assert_allclose(silence, SILENCE, atol=1e-6)
    time = np.arange(16000) / 16000
    tone = (8000 * np.sin(2 * np.pi * 1000 * time)).astype(np.int16)
    band = int(LogMel().whole(tone)[50].argmax())
    centres = mel_filters().argmax(axis=0) * 16000 / WINDOW
    assert centres[band] == pytest.approx(1000, abs=60)


def test_int16_and_float_samples_mean_the_same() -> None:
    samples = np.random.default_rng(1).integers(-30000, 30000, 3000).astype(np.int16)
    as_float = (samples / 32768).astype(np.float32)
    np.testing.assert_allclose(LogMel().whole(samples), LogMel().whole(as_float), atol=1e-5)
