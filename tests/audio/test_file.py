"""Recordings of every usual kind, whole and frame by frame."""

from __future__ import annotations

import time
import tracemalloc
from pathlib import Path

import numpy as np
import pytest
import soundfile
from numpy.typing import NDArray

from auricle.audio.file import FileSource, RealTimePace, read_recording
from auricle.audio.format import FRAME_SAMPLES
from auricle.audio.source import AudioSource, frames
from testbed.recordings import Recording


def frames_of(source: FileSource) -> NDArray[np.int16]:
    with source:
        return np.array(list(frames(source)))


def write_tone(path: Path, rate: int, channels: int, kind: str, subtype: str) -> None:
    mono = 0.5 * np.sin(2 * np.pi * 500 * np.arange(rate) / rate)
    soundfile.write(path, np.repeat(mono[:, None], channels, 1), rate, subtype, format=kind)


@pytest.mark.parametrize(
    ("kind", "subtype", "rate", "channels"),
    [
        ("WAV", "PCM_U8", 8_000, 1),
        ("WAV", "PCM_16", 8_000, 1),
        ("WAV", "PCM_16", 16_000, 1),
        ("WAV", "PCM_24", 44_100, 2),
        ("WAV", "PCM_32", 192_000, 1),
        ("WAV", "FLOAT", 48_000, 2),
        ("WAV", "DOUBLE", 48_000, 2),
        ("WAV", "ULAW", 8_000, 1),
        ("WAVEX", "PCM_16", 48_000, 6),
        ("FLAC", "PCM_16", 96_000, 2),
        ("FLAC", "PCM_24", 16_000, 1),
        ("OGG", "VORBIS", 22_050, 2),
        ("OGG", "OPUS", 48_000, 2),
        ("OGG", "OPUS", 8_000, 1),
    ],
)
def test_any_usual_recording_becomes_16_khz_mono(
    tmp_path: Path, kind: str, subtype: str, rate: int, channels: int
) -> None:
    path = tmp_path / "recording"  # the name says nothing of the kind, and needs not
    write_tone(path, rate, channels, kind, subtype)
    samples = read_recording(path)
    assert samples.dtype == np.int16
    assert samples.size == pytest.approx(16_000, abs=2)
    middle = samples[4000:12_000] / 32768
    assert np.abs(np.fft.rfft(middle)).argmax() * 2 == 500
    assert np.sqrt(np.mean(middle**2)) == pytest.approx(0.5 / np.sqrt(2), rel=0.05)


def test_16_bit_samples_at_16_khz_are_read_bit_by_bit(tmp_path: Path) -> None:
    samples = np.random.default_rng(0).integers(-32768, 32768, 5000).astype(np.int16)
    soundfile.write(tmp_path / "a.wav", samples, 16_000)
    np.testing.assert_array_equal(read_recording(tmp_path / "a.wav"), samples)


def test_the_frames_are_the_recording_filled_up_with_silence(
    recordings: dict[str, Recording],
) -> None:
    path = recordings["must_sleep"].path
    whole = read_recording(path)
    frames = frames_of(FileSource(path))
    assert frames.shape == (-(-whole.size // FRAME_SAMPLES), FRAME_SAMPLES)
    np.testing.assert_array_equal(frames.ravel()[: whole.size], whole)
    assert not frames.ravel()[whole.size :].any()


def test_a_recording_of_whole_frames_gets_no_extra_frame(tmp_path: Path) -> None:
    soundfile.write(tmp_path / "a.wav", np.ones(320, np.int16), 16_000)
    assert frames_of(FileSource(tmp_path / "a.wav")).tolist() == [[1] * 160] * 2


def test_the_end_stays_the_end(tmp_path: Path) -> None:
    soundfile.write(tmp_path / "a.wav", np.ones(10, np.int16), 16_000)
    with FileSource(tmp_path / "a.wav") as source:
        assert source.read() is not None
        assert [source.read(), source.read()] == [None, None]


def test_a_source_can_be_played_again(tmp_path: Path) -> None:
    soundfile.write(tmp_path / "a.wav", np.arange(320, dtype=np.int16), 16_000)
    source = FileSource(tmp_path / "a.wav")
    with source:
        source.read()
    np.testing.assert_array_equal(frames_of(source).ravel(), np.arange(320))


def test_a_channel_can_be_chosen(tmp_path: Path) -> None:
    stereo = np.stack((np.full(320, 1000), np.full(320, -2000)), axis=1).astype(np.int16)
    soundfile.write(tmp_path / "a.wav", stereo, 16_000)
    assert set(read_recording(tmp_path / "a.wav", 0)) == {1000}
    assert set(read_recording(tmp_path / "a.wav", 1)) == {-2000}
    assert set(read_recording(tmp_path / "a.wav", "mix")) == {-500}
    assert set(frames_of(FileSource(tmp_path / "a.wav", channel=1)).ravel()) == {-2000}


def test_real_time_takes_as_long_as_the_recording(tmp_path: Path) -> None:
    soundfile.write(tmp_path / "a.wav", np.ones(16_000 // 5, np.int16), 16_000)
    begin = time.monotonic()
    frames_of(FileSource(tmp_path / "a.wav", realtime=True))
    assert time.monotonic() - begin >= 0.2


def test_late_frames_catch_up_so_that_real_time_never_drifts() -> None:
    now = 100.0
    sleeps = []

    def sleep(seconds: float) -> None:
        nonlocal now
        sleeps.append(seconds)
        now += seconds + 0.001  # every sleep lasts too long, as they do

    pace = RealTimePace(sleep, lambda: now)
    for _ in range(1000):
        pace.wait()
    assert now == pytest.approx(110.0, abs=0.002)
    now += 0.055  # the machine is busy for some frames
    begin = len(sleeps)
    for _ in range(10):
        pace.wait()
    assert len(sleeps) - begin == 5
    assert now == pytest.approx(110.1, abs=0.002)


def test_a_long_recording_is_read_in_little_memory(tmp_path: Path) -> None:
    path = tmp_path / "long.flac"
    with soundfile.SoundFile(path, "w", 8_000, 1) as file:
        for _ in range(5):
            file.write(np.zeros(8_000 * 60, np.int16))
    with FileSource(path) as source:
        tracemalloc.start()
        count = sum(1 for _ in frames(source))
        peak = tracemalloc.get_traced_memory()[1]
        tracemalloc.stop()
    assert count == 30_000
    assert peak < 1_000_000  # bytes; the whole recording has 9.6 million


def test_a_file_is_an_audio_source_without_overruns(tmp_path: Path) -> None:
    source = FileSource(tmp_path / "a.wav")
    assert isinstance(source, AudioSource)
    assert source.overruns == 0
