"""The capture thread: reading, muting and replacing the audio source."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path

import numpy as np
import pytest

from auricle.audio.file import FileSource
from auricle.audio.format import FRAME_SAMPLES, Frame
from auricle.audio.reconnecting import ReconnectingSource
from auricle.audio.source import AudioSource, OpenedByWith
from auricle.engine.capture_thread import (
    RECORDING_ENDED,
    CaptureThread,
    Heartbeat,
    MakeSource,
    MicrophoneLost,
    MicrophoneReady,
    Note,
    OnState,
)
from auricle.engine.queues import Inbox
from auricle.errors import DeviceError
from testbed.patience import patience
from testbed.recordings import Recording

SECONDS = 10.0


class Device(OpenedByWith):
    """A microphone that delivers a constant every 10 ms and can be unplugged."""

    def __init__(self, value: int = 1) -> None:
        self.overruns = 0
        self.there = True
        self.is_open = False
        self.value = value

    def open(self) -> None:
        if not self.there:
            raise DeviceError("audio.device: unplugged; plug it in")
        self.is_open = True

    def read(self) -> Frame | None:
        time.sleep(0.01)
        if not self.there:
            raise DeviceError("audio.device: it went away; plug it in")
        return np.full(FRAME_SAMPLES, self.value, np.int16)

    def close(self) -> None:
        self.is_open = False


class Heard:
    """Return the items that the capture thread has put into the inbox."""

    def __init__(self, inbox: Inbox[Note]) -> None:
        self._inbox = inbox

    def next(self) -> object:
        """Return the value of the next frame, or the next note."""
        guard = threading.Timer(patience(SECONDS), self._inbox.close)
        guard.start()
        item = self._inbox.take()
        guard.cancel()
        assert item is not None, f"nothing came within {SECONDS} s"
        return int(item[0]) if isinstance(item, np.ndarray) else item

    def until(self, wanted: object) -> None:
        """Take items until one equals `wanted`."""
        while self.next() != wanted:
            pass


Record = Callable[[MakeSource], AbstractContextManager[tuple[CaptureThread, Heard]]]


@pytest.fixture
def record() -> Record:
    @contextmanager
    def recording(make_source: MakeSource) -> Iterator[tuple[CaptureThread, Heard]]:
        inbox: Inbox[Note] = Inbox()
        recorder = CaptureThread(make_source, inbox, failed=lambda error: pytest.fail(repr(error)))
        recorder.start().result(SECONDS)
        yield recorder, Heard(inbox)
        assert recorder.stop(SECONDS)

    return recording


def reconnecting(device: AudioSource) -> MakeSource:
    """Return a maker of sources that survive the loss of `device`."""

    def make(on_state: OnState) -> AudioSource:
        return ReconnectingSource(device, on_state, first_wait=0.02, required=False)

    return make


def test_end_of_a_recording_is_a_lost_source_and_the_thread_continues(
    record: Record, recordings: dict[str, Recording]
) -> None:
    path = recordings["go"].path
    with record(lambda _: FileSource(path)) as (_, heard):
        assert heard.next() == MicrophoneReady()
        frames = 0
        while (item := heard.next()) != MicrophoneLost(RECORDING_ENDED):
            assert isinstance(item, int)
            frames += 1
        assert frames == pytest.approx(100 * recordings["go"].seconds, abs=2)
        assert heard.next() == Heartbeat()


def test_unreadable_recording_is_a_lost_source(record: Record, tmp_path: Path) -> None:
    with record(lambda _: FileSource(tmp_path / "missing.wav")) as (_, heard):
        lost = heard.next()
        assert isinstance(lost, MicrophoneLost)
        assert "missing.wav does not exist" in lost.reason


def test_muting_closes_the_microphone_and_empties_the_inbox(record: Record) -> None:
    device = Device()
    with record(lambda _: device) as (recorder, heard):
        heard.until(1)
        recorder.set_muted(True).result(SECONDS)
        assert not device.is_open
        assert heard.next() == Heartbeat()
        recorder.set_muted(False).result(SECONDS)
        assert device.is_open
        heard.until(MicrophoneReady())
        assert heard.next() == 1
    assert not device.is_open


def test_source_can_be_replaced(record: Record) -> None:
    first, second = Device(1), Device(2)
    first.overruns, second.overruns = 2, 3
    with record(lambda _: first) as (recorder, heard):
        heard.until(1)
        recorder.replace(lambda _: second).result(SECONDS)
        heard.until(MicrophoneReady())
        assert heard.next() == 2
        assert (first.is_open, second.is_open, recorder.overruns) == (False, True, 5)


def test_source_replaced_while_muted_stays_closed(record: Record) -> None:
    first, second = Device(1), Device(2)
    with record(lambda _: first) as (recorder, _):
        recorder.set_muted(True).result(SECONDS)
        recorder.replace(lambda _: second).result(SECONDS)
        assert not second.is_open
        recorder.set_muted(False).result(SECONDS)
        assert (first.is_open, second.is_open) == (False, True)


def test_device_missing_at_start_is_found_later(record: Record) -> None:
    device = Device()
    device.there = False
    with record(reconnecting(device)) as (_, heard):
        assert heard.next() == MicrophoneLost("audio.device: unplugged; plug it in")
        assert heard.next() == 0  # silence replaces it
        device.there = True
        heard.until(MicrophoneReady())
        heard.until(1)


def test_lost_and_returned_device_is_reported(record: Record) -> None:
    device = Device()
    with record(reconnecting(device)) as (_, heard):
        heard.until(1)
        device.there = False
        heard.until(MicrophoneLost("audio.device: it went away; plug it in"))
        device.there = True
        heard.until(MicrophoneReady())
        heard.until(1)


def test_unexpected_error_is_reported() -> None:
    class Broken(Device):
        def read(self) -> Frame | None:
            raise RuntimeError("a fault in the program")

    errors: list[Exception] = []
    device = Broken()
    recorder = CaptureThread(lambda _: device, Inbox[Note](), errors.append)
    recorder.start().result(SECONDS)
    while not errors:
        time.sleep(0.001)
    assert recorder.stop(SECONDS)
    assert str(errors[0]) == "a fault in the program"
    assert not device.is_open
