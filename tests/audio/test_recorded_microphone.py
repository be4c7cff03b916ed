"""A recording in place of the microphone plays on request."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import soundfile

from auricle.audio import file, recorded_microphone
from auricle.audio.format import FRAME_SAMPLES
from auricle.audio.recorded_microphone import RecordedMicrophone
from auricle.audio.source import AudioSource
from auricle.errors import AudioError


class NoPace:
    """Waits for nothing."""

    def wait(self) -> None:
        pass


@pytest.fixture
def recording(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Four audio frames with the values 1 to 4."""
    monkeypatch.setattr(recorded_microphone, "RealTimePace", NoPace)
    monkeypatch.setattr(recorded_microphone, "PAUSE_SECONDS", 0.02)
    path = tmp_path / "four.wav"
    soundfile.write(path, np.repeat(np.arange(1, 5, dtype=np.int16), FRAME_SAMPLES), 16_000)
    return path


def heard(microphone: RecordedMicrophone, count: int) -> list[int]:
    """Return the first sample of each of the next frames."""
    frames = [microphone.read() for _ in range(count)]
    assert all(frame is not None and frame.shape == (FRAME_SAMPLES,) for frame in frames)
    return [int(frame[0]) for frame in frames if frame is not None]


def test_each_request_plays_the_recording_from_its_start(recording: Path) -> None:
    with RecordedMicrophone(recording) as microphone:
        assert isinstance(microphone, AudioSource)
        assert heard(microphone, 3) == [0, 0, 0]
        microphone.play()
        assert heard(microphone, 6) == [1, 2, 3, 4, 0, 0]
        microphone.play()
        assert heard(microphone, 2) == [1, 2]


def test_request_while_it_plays_restarts_it_only_on_demand(recording: Path) -> None:
    with RecordedMicrophone(recording) as microphone:
        microphone.play()
        assert heard(microphone, 2) == [1, 2]
        microphone.play(restart=True)
        assert heard(microphone, 5) == [1, 2, 3, 4, 0]


def test_requests_while_it_plays_let_it_play_once_more_after_a_pause(recording: Path) -> None:
    with RecordedMicrophone(recording) as microphone:
        microphone.play()
        assert heard(microphone, 2) == [1, 2]
        microphone.play()
        microphone.play()
        assert heard(microphone, 8) == [3, 4, 0, 0, 1, 2, 3, 4]
        assert heard(microphone, 6) == [0] * 6


def test_reopened_recording_plays_again_if_it_was_requested_before(recording: Path) -> None:
    microphone = RecordedMicrophone(recording)
    microphone.open()
    microphone.open()
    assert heard(microphone, 2) == [0, 0]
    microphone.play()
    assert heard(microphone, 2) == [1, 2]
    microphone.close()
    microphone.open()
    assert heard(microphone, 5) == [1, 2, 3, 4, 0]
    microphone.close()


def test_repeated_recording_plays_without_a_request_and_pauses(recording: Path) -> None:
    with RecordedMicrophone(recording, loop=True) as microphone:
        assert heard(microphone, 12) == [1, 2, 3, 4, 0, 0, 1, 2, 3, 4, 0, 0]
        microphone.play(restart=True)
        assert heard(microphone, 2) == [1, 2]


def test_frames_come_in_real_time(recording: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    waits: list[float] = []
    clock = iter(np.arange(0.0, 1.0, 0.001).tolist())
    monkeypatch.setattr(
        recorded_microphone,
        "RealTimePace",
        lambda: file.RealTimePace(waits.append, lambda: next(clock)),
    )
    with RecordedMicrophone(recording) as microphone:
        microphone.play()
        heard(microphone, 10)
    assert sum(waits) > 0.0
    assert len(waits) == 10


def test_missing_recording_is_reported_when_it_is_opened(tmp_path: Path) -> None:
    with pytest.raises(AudioError, match="does not exist"):
        RecordedMicrophone(tmp_path / "missing.wav").open()
