"""Conversion to 16 kHz mono int16: exact where it can be, and blind to chunking."""

from __future__ import annotations

import numpy as np
import pytest
import soxr
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from auricle.audio.convert import Block, FormatConverter


def tone(rate: int, frequency: float, seconds: float = 1.0) -> NDArray[np.float32]:
    times = np.arange(round(rate * seconds)) / rate
    return (0.5 * np.sin(2 * np.pi * frequency * times)).astype(np.float32)


def convert(block: Block, rate: int, channel: int | str = 0) -> NDArray[np.int16]:
    converter = FormatConverter(rate, "mix" if channel == "mix" else int(channel))
    return np.concatenate((converter.convert(block), converter.flush()))


@settings(deadline=None, max_examples=40)
@given(
    rate=st.sampled_from([8_000, 11_025, 16_000, 44_100, 48_000, 192_000]),
    cuts=st.lists(st.integers(0, 20_000), max_size=8),
    seed=st.integers(0, 1000),
)
def test_any_chunking_gives_the_same_samples(rate: int, cuts: list[int], seed: int) -> None:
    noise = np.random.default_rng(seed).uniform(-1, 1, (20_000, 2)).astype(np.float32)
    converter = FormatConverter(rate, "mix")
    pieces = [converter.convert(piece) for piece in np.split(noise, sorted(cuts))]
    streamed = np.concatenate((*pieces, converter.flush()))
    np.testing.assert_array_equal(streamed, convert(noise, rate, "mix"))


@pytest.mark.parametrize("dtype", [np.int16, np.float32])
def test_what_has_the_format_already_passes_through_bit_by_bit(dtype: type) -> None:
    every_value = np.arange(-32768, 32768).astype(np.int16)
    block = every_value if dtype is np.int16 else (every_value / 32768).astype(np.float32)
    np.testing.assert_array_equal(convert(block[:, np.newaxis], 16_000), every_value)


def test_float_samples_beyond_full_scale_are_clipped() -> None:
    block = np.array([[1.5], [-1.5], [1.0]], np.float32)
    np.testing.assert_array_equal(convert(block, 16_000), [32767, -32768, 32767])


@pytest.mark.parametrize("channel", [0, 1, 3])
def test_one_channel_of_an_array_is_heard(channel: int) -> None:
    block = np.arange(40, dtype=np.int16).reshape(10, 4)
    np.testing.assert_array_equal(convert(block, 16_000, channel), block[:, channel])


def test_mix_is_the_mean_of_all_channels_and_never_overflows() -> None:
    block = np.array([[32767, 32767], [-32768, 32767], [100, 300]], np.int16)
    np.testing.assert_array_equal(convert(block, 16_000, "mix"), [32767, 0, 200])


@pytest.mark.parametrize("rate", [8_000, 22_050, 44_100, 48_000, 96_000, 192_000])
def test_a_tone_keeps_its_pitch_length_and_level(rate: int) -> None:
    out = convert(tone(rate, 1000)[:, np.newaxis], rate) / 32768
    assert out.size == pytest.approx(16_000, abs=1)
    spectrum = np.abs(np.fft.rfft(out[4000:12_000]))
    assert spectrum.argmax() * 2 == 1000  # Hz: 8000 samples give bins of 2 Hz
    assert np.sqrt(np.mean(out[4000:12_000] ** 2)) == pytest.approx(0.5 / np.sqrt(2), rel=0.001)


def test_what_16_khz_cannot_hold_is_removed_and_not_folded_back() -> None:
    out = convert(tone(48_000, 11_000)[:, np.newaxis], 48_000) / 32768
    assert np.abs(out[1000:-1000]).max() < 0.001


def test_streaming_equals_resampling_the_whole() -> None:
    sound = np.random.default_rng(1).uniform(-0.5, 0.5, 48_000).astype(np.float32)
    whole = np.rint(soxr.resample(sound, 48_000, 16_000, "HQ") * 32768)
    np.testing.assert_allclose(convert(sound[:, np.newaxis], 48_000), whole, atol=1)
