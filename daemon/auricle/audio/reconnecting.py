"""An audio source that reopens its device after the microphone was unplugged.

While the device is missing, it delivers silence in real time, so that the audio clock, the
time-outs and the watchdog of the reader continue. `on_state` reports when the device is lost or
back.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable

import numpy as np

from auricle.audio.file import RealTimePace
from auricle.audio.format import FRAME_SAMPLES, Frame
from auricle.audio.source import AudioSource, OpenedByWith
from auricle.errors import DeviceError


class ReconnectingSource(OpenedByWith):
    """Wraps a source, usually a Microphone, and reopens it whenever it is lost.

    Call all methods except `stop` from the thread that reads.
    """

    def __init__(
        self,
        source: AudioSource,
        on_state: Callable[[bool, str], None] | None = None,
        first_wait: float = 0.5,
        longest_wait: float = 30.0,
        required: bool = True,
    ) -> None:
        """Wrap `source`; this object opens and closes it.

        Args:
            source: the source to read.
            on_state: called with (False, reason) when the device is lost, and with (True, "") when
                it is back. Called from `read`, and from `open` if the device is not required.
                After a loss, the caller should end a running session.
            first_wait: seconds before the first attempt to reopen a lost device. Each further wait
                is twice as long.
            longest_wait: maximum seconds between two attempts.
            required: True: `open` raises DeviceError if the device is missing. False: a missing
                device counts as lost.
        """
        self.connected = False
        self._source = source
        self._on_state = on_state
        self._first_wait = first_wait
        self._longest_wait = longest_wait
        self._required = required
        self._stopped = threading.Event()
        self._wait = first_wait
        self._retry_at = 0.0  # on time.monotonic
        self._pace: RealTimePace | None = None

    @property
    def overruns(self) -> int:
        """Number of times audio was lost because `read` was called too late."""
        return self._source.overruns

    def open(self) -> None:
        """Open the device.

        Raises:
            DeviceError: the device is missing and required.
        """
        self._stopped.clear()
        try:
            self._source.open()
        except DeviceError as error:
            if self._required:
                raise
            self._lose(str(error))
        else:
            self.connected = True

    def read(self) -> Frame | None:
        """Return the next audio frame, (160,) int16; silence while the device is missing.

        Return None after `stop` and at the end of a recording. The call takes about one second at
        most; up to three seconds more when it reopens a slow device.
        """
        if self._stopped.is_set():
            return None
        if self.connected:
            try:
                return self._source.read()
            except DeviceError as error:
                self._lose(str(error))
        elif time.monotonic() >= self._retry_at:
            self._try_again()
        return self._silence()

    def stop(self) -> None:
        """Make `read` return None at once, from now on. Any thread may call this."""
        self._stopped.set()

    def close(self) -> None:
        """Release the device."""
        self.connected = False
        self._source.close()

    def _lose(self, reason: str) -> None:
        if self._on_state is not None:
            self._on_state(False, reason)
        self.close()  # takes up to a minute when a sound server hangs
        self._wait = self._first_wait
        self._retry_at = time.monotonic() + self._wait
        self._pace = RealTimePace(sleep=self._stopped.wait)

    def _try_again(self) -> None:
        try:
            self._source.open()
        except DeviceError:
            self._wait = min(2.0 * self._wait, self._longest_wait)
            self._retry_at = time.monotonic() + self._wait
            return
        self.connected = True
        if self._on_state is not None:
            self._on_state(True, "")

    def _silence(self) -> Frame | None:
        """Wait for 10 ms; return a silent frame, or None after `stop`."""
        if self._pace is not None:
            self._pace.wait()
        return None if self._stopped.is_set() else np.zeros(FRAME_SAMPLES, np.int16)
