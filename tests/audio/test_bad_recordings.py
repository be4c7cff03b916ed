"""Bad recordings: each gets one sentence that names the file, the fault and the cure."""

from __future__ import annotations

import os
import struct
from pathlib import Path

import numpy as np
import pytest
import soundfile

from auricle.audio.file import FileSource, read_recording
from auricle.errors import AudioError
from testbed.recordings import Recording


def wav(rate: int = 16_000, channels: int = 1, claimed: int = 3200, present: int = 3200) -> bytes:
    """Return a WAV file whose header may lie."""
    width = 2 * channels
    form = struct.pack("<HHIIHH", 1, channels, rate, rate * width & 0xFFFFFFFF, width, 16)
    body = b"WAVEfmt " + struct.pack("<I", 16) + form + b"data" + struct.pack("<I", claimed)
    return b"RIFF" + struct.pack("<I", (len(body) + claimed) & 0xFFFFFFFF) + body + bytes(present)


def encoded(folder: Path, kind: str, subtype: str) -> bytes:
    sound = np.random.default_rng(0).normal(0, 0.1, 48_000)
    soundfile.write(folder / "whole", sound, 16_000, subtype, format=kind)
    return (folder / "whole").read_bytes()


def complaint(path: Path) -> str:
    """Return what is said of a bad file: the same on both ways of reading, never empty-handed."""
    with pytest.raises(AudioError) as whole:
        read_recording(path)
    with pytest.raises(AudioError) as framewise, FileSource(path) as source:
        while source.read() is not None:
            pass
    assert str(whole.value) == str(framewise.value)
    assert str(path) in str(whole.value)
    assert "\n" not in str(whole.value)
    return str(whole.value)


@pytest.mark.parametrize(
    ("content", "fault"),
    [
        (b"", "is empty"),
        (b"hello, this is a letter and no sound\n" * 50, "is not audio"),
        (b"RIFF\x24\x00\x00\x00WAVE", "is truncated inside its WAV header"),
        (wav()[:20], "is truncated inside its WAV header"),
        (wav()[:30], "is truncated inside its WAV header"),
        (wav(rate=0), "a sample rate of 0 Hz"),
        (wav(rate=4_000_000_000), "a sample rate of 4000000000 Hz"),
        (wav(rate=4_000), "4000 Hz; convert it to a rate from 8000 to 192000 Hz"),
        (wav(channels=0), "0 channels"),
        (wav(channels=300, claimed=6000, present=6000), "has 300 channels; give at most 64"),
        (wav(claimed=0, present=0), "contains only a header and no audio"),
        (wav(claimed=100_000), "its header says 100000 bytes of audio, but there are 3200"),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_a_bad_file_is_told_by_its_fault(tmp_path: Path, content: bytes, fault: str) -> None:
    path = tmp_path / "bad.wav"
    path.write_bytes(content)
    assert fault in complaint(path)


def test_a_missing_file(tmp_path: Path) -> None:
    assert "does not exist; check the name" in complaint(tmp_path / "none.wav")


def test_a_folder(tmp_path: Path) -> None:
    assert "is a folder" in complaint(tmp_path)


def test_a_pipe_does_not_block(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe.wav")
    assert "is not a file" in complaint(tmp_path / "pipe.wav")


def test_a_name_that_the_system_refuses(tmp_path: Path) -> None:
    assert "cannot be read: File name too long" in complaint(tmp_path / ("a" * 300))


@pytest.mark.parametrize("share", [0.3, 0.5, 0.9, 0.999])
@pytest.mark.parametrize(
    ("kind", "subtype"),
    [("WAV", "PCM_16"), ("WAV", "FLOAT"), ("FLAC", "PCM_16"), ("OGG", "VORBIS"), ("OGG", "OPUS")],
)
def test_a_recording_that_is_cut_off(tmp_path: Path, kind: str, subtype: str, share: float) -> None:
    content = encoded(tmp_path, kind, subtype)
    path = tmp_path / "cut"
    path.write_bytes(content[: int(len(content) * share)])
    assert "is truncated" in complaint(path)


@pytest.mark.parametrize(
    ("kind", "subtype"), [("FLAC", "PCM_16"), ("OGG", "VORBIS"), ("OGG", "OPUS")]
)
def test_a_recording_with_a_hole(tmp_path: Path, kind: str, subtype: str) -> None:
    content = bytearray(encoded(tmp_path, kind, subtype))
    middle = len(content) // 2
    content[middle : middle + 2000] = b"\xff" * 2000
    path = tmp_path / "hole"
    path.write_bytes(content)
    assert "is truncated or damaged after" in complaint(path)


def test_a_flac_header_that_claims_weeks(tmp_path: Path) -> None:
    content = bytearray(encoded(tmp_path, "FLAC", "PCM_16"))
    content[21] |= 0x0F  # STREAMINFO: the 36 bits of the number of samples
    content[22:26] = b"\xff" * 4
    path = tmp_path / "long.flac"
    path.write_bytes(content)
    assert "hours long by its header; split it into pieces of at most 4 hours" in complaint(path)


@pytest.mark.parametrize("value", [np.nan, np.inf, -np.inf])
def test_samples_that_are_not_numbers(tmp_path: Path, value: float) -> None:
    sound = np.zeros(20_000, np.float32)
    sound[12_345] = value
    soundfile.write(tmp_path / "nan.wav", sound, 16_000, "FLOAT")
    assert "NaN" in complaint(tmp_path / "nan.wav")


def test_float_samples_on_the_scale_of_integers(tmp_path: Path) -> None:
    sound = np.full(1000, 12_000, np.float32)
    soundfile.write(tmp_path / "loud.wav", sound, 16_000, "FLOAT")
    assert "float audio lies between -1 and 1" in complaint(tmp_path / "loud.wav")


def test_a_channel_that_is_not_there(tmp_path: Path) -> None:
    (tmp_path / "mono.wav").write_bytes(wav())
    with pytest.raises(AudioError, match="has no channel 1; choose from 0 to 0, or mix"):
        read_recording(tmp_path / "mono.wav", 1)


@pytest.mark.parametrize("claimed", [0xFFFFFFFF, 0x7FFFFFFF, 0x80000000])
def test_a_wav_written_into_a_pipe_is_good(tmp_path: Path, claimed: int) -> None:
    (tmp_path / "pipe.wav").write_bytes(wav(claimed=claimed))
    assert read_recording(tmp_path / "pipe.wav").size == 1600


def test_chunks_before_and_after_the_sound_are_no_damage(tmp_path: Path) -> None:
    content = wav()
    content = content[:12] + b"LIST\x05\x00\x00\x00hello\x00" + content[12:] + b"id3 " + bytes(4)
    (tmp_path / "tagged.wav").write_bytes(content)
    assert read_recording(tmp_path / "tagged.wav").size == 1600


def test_all_shared_recordings_are_good(recordings: dict[str, Recording]) -> None:
    for recording in recordings.values():
        seconds = read_recording(recording.path).size / 16_000
        assert seconds == pytest.approx(recording.seconds, abs=0.001)
