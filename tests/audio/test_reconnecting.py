"""A microphone that is pulled out and plugged in again."""

from __future__ import annotations

import time
from pathlib import Path

import numpy as np
import pytest

from auricle.audio.file import FileSource
from auricle.audio.format import FRAME_SAMPLES, Frame
from auricle.audio.microphone import Microphone
from auricle.audio.reconnecting import ReconnectingSource
from auricle.audio.source import AudioSource, frames
from auricle.errors import DeviceError
from testbed.recordings import Recording
from testbed.virtual_microphone import VirtualMicrophone


class Flaky(FileSource):
    """A recording whose device is lost after some frames and back after some tries."""

    def __init__(self, path: Path, lost_after: int, failures: int) -> None:
        super().__init__(path)
        self._left = lost_after
        self._failures = failures
        self.opened: list[float] = []  # when, by time.monotonic

    def open(self) -> None:
        self.opened.append(time.monotonic())
        if 1 < len(self.opened) <= 1 + self._failures:
            raise DeviceError("still away")
        super().open()

    def read(self) -> Frame | None:
        if self._left == 0:
            self._left = -1
            raise DeviceError("went away")
        self._left -= 1
        return super().read()


def test_unplugging_and_plugging_in_again_is_survived(
    pluggable_microphone: VirtualMicrophone, recordings: dict[str, Recording]
) -> None:
    states: list[tuple[bool, str]] = []
    source = ReconnectingSource(Microphone(), lambda *state: states.append(state), first_wait=0.1)

    def heard_loud(seconds: float) -> bool:
        player = pluggable_microphone.start_speaking(recordings["go"].path)
        loud = any(
            frame is not None and np.abs(frame).max() > 5000
            for frame in (source.read() for _ in range(round(seconds * 100)))
        )
        player.wait()
        return loud

    with source:
        assert heard_loud(3.0)
        pluggable_microphone.unplug()
        while source.connected:
            source.read()
        away = [source.read() for _ in range(30)]
        assert all(frame is not None and not frame.any() for frame in away)
        assert states[0][0] is False
        assert "plug it in again" in states[0][1]
        pluggable_microphone.plug_in()
        while not source.connected:
            source.read()
        assert states[1:] == [(True, "")]
        assert heard_loud(3.0)


def test_silence_comes_at_the_pace_of_real_time(recordings: dict[str, Recording]) -> None:
    device = Flaky(recordings["go"].path, lost_after=5, failures=100)
    with ReconnectingSource(device) as source:
        for _ in range(5):
            source.read()
        begin = time.monotonic()
        silence = [source.read() for _ in range(20)]
        assert time.monotonic() - begin >= 0.2
    for frame in silence:
        assert frame is not None
        assert frame.shape == (FRAME_SAMPLES,)
        assert not frame.any()


def test_tries_follow_each_other_ever_more_slowly(recordings: dict[str, Recording]) -> None:
    device = Flaky(recordings["go"].path, lost_after=0, failures=4)
    with ReconnectingSource(device, first_wait=0.05, longest_wait=0.2) as source:
        source.read()
        lost = time.monotonic()
        while not source.connected:
            source.read()
    waits = np.diff([lost, *device.opened[1:]])
    assert np.all(waits[1:] >= [0.1, 0.2, 0.2, 0.2])
    assert len(device.opened) == 6


def test_a_device_that_is_missing_at_the_start_is_an_error(
    pluggable_microphone: VirtualMicrophone,
) -> None:
    pluggable_microphone.unplug()
    with pytest.raises(DeviceError):
        ReconnectingSource(Microphone()).open()


def test_a_device_that_is_not_required_may_come_later(
    pluggable_microphone: VirtualMicrophone,
) -> None:
    pluggable_microphone.unplug()
    states: list[bool] = []
    source = ReconnectingSource(
        Microphone(),
        lambda connected, reason: states.append(connected),
        first_wait=0.05,
        required=False,
    )
    with source:
        assert source.read() is not None
        pluggable_microphone.plug_in()
        while not source.connected:
            source.read()
    assert states == [False, True]


def test_stop_ends_the_waiting_at_once(recordings: dict[str, Recording]) -> None:
    device = Flaky(recordings["go"].path, lost_after=0, failures=100)
    with ReconnectingSource(device) as source:
        assert source.read() is not None
        source.stop()
        assert source.read() is None


def test_stopping_inside_of_a_wait_returns_none(recordings: dict[str, Recording]) -> None:
    def stop(connected: bool, reason: str) -> None:
        source.stop()

    source = ReconnectingSource(Flaky(recordings["go"].path, 0, 100), stop)
    with source:
        assert source.read() is None


def test_a_recording_ends_as_without_the_wrapper(recordings: dict[str, Recording]) -> None:
    path = recordings["go"].path
    with FileSource(path) as plain, ReconnectingSource(FileSource(path)) as wrapped:
        np.testing.assert_array_equal(
            np.array(list(frames(wrapped))), np.array(list(frames(plain)))
        )
        assert wrapped.connected
        assert wrapped.overruns == 0


def test_it_is_an_audio_source(tmp_path: Path) -> None:
    assert isinstance(ReconnectingSource(FileSource(tmp_path / "a.wav")), AudioSource)
