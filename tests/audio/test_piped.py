"""Audio from a pipe."""

from __future__ import annotations

import os
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import numpy as np
import pytest
import soundfile

from auricle.audio.file import read_recording
from auricle.audio.format import Samples
from auricle.audio.piped import PipedSource, RawFormat, raw_format
from auricle.audio.source import frames
from auricle.errors import ArgumentError, AudioError
from testbed.recordings import Recording


@contextmanager
def piped(data: bytes) -> Iterator[int]:
    """Write data into a pipe, as another program would; yield the end to read."""
    output, input_ = os.pipe()

    def write() -> None:
        with suppress(BrokenPipeError), os.fdopen(input_, "wb") as stream:
            stream.write(data)

    writer = threading.Thread(target=write)
    writer.start()
    try:
        yield output
    finally:
        os.close(output)
        writer.join()


def heard(data: bytes, raw: RawFormat | None = None) -> Samples:
    with piped(data) as descriptor, PipedSource(descriptor, raw) as source:
        return np.concatenate(list(frames(source)))


@pytest.fixture
def samples(recordings: dict[str, Recording]) -> Samples:
    return read_recording(recordings["go"].path)


@pytest.mark.parametrize("form", ["WAV", "AU", "AIFF"])
def test_formats_with_a_header(samples: Samples, tmp_path: Path, form: str) -> None:
    file = tmp_path / "sound"
    soundfile.write(file, samples, 16000, format=form)
    assert np.array_equal(heard(file.read_bytes())[: len(samples)], samples)


def test_a_wav_header_need_not_know_the_length(samples: Samples, tmp_path: Path) -> None:
    file = tmp_path / "sound.wav"
    soundfile.write(file, samples, 16000)
    content = bytearray(file.read_bytes())
    place = content.index(b"data") + 4
    content[4:8] = content[place : place + 4] = b"\xff\xff\xff\xff"  # as ffmpeg writes to a pipe
    assert np.array_equal(heard(bytes(content))[: len(samples)], samples)


def test_samples_without_a_header(samples: Samples) -> None:
    stereo = np.repeat(samples[:, np.newaxis], 2, axis=1).tobytes()
    found = heard(stereo, raw_format("16000:2:pcm_16"))
    assert np.array_equal(found[: len(samples)], samples)


def test_raw_formats() -> None:
    assert raw_format("44100") == RawFormat(44100, 1, "PCM_16")
    assert raw_format("8000:2") == RawFormat(8000, 2, "PCM_16")
    for text in ("", "x", "16000:", "16000:1:PCM_99"):
        with pytest.raises(ArgumentError, match="choose from|give RATE"):
            raw_format(text)


@pytest.mark.parametrize("data", [b"", b"no sound at all, but text\n" * 20])
def test_other_data_is_refused_with_a_remedy(data: bytes) -> None:
    with pytest.raises(AudioError, match="standard input is not audio that can be streamed .*give"):
        heard(data)


def test_an_impossible_rate_is_refused() -> None:
    with pytest.raises(AudioError, match="standard input has a sample rate of 100 Hz; convert"):
        heard(b"\0" * 1000, RawFormat(rate=100))
