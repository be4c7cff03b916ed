"""A source that outlives its device: unplugging and re-plugging a microphone is survived.

While the device is away, frames of silence come at the pace of real time, so that the audio clock,
time-outs and the watchdog of whoever reads go on; `on_state` tells that they are no real sound.
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
    """Wraps a source, usually a Microphone, and opens it again whenever it is lost.

    All calls come from the thread that reads, but for `stop`.
    """

    def __init__(
        self,
        source: AudioSource,
        on_state: Callable[[bool, str], None] | None = None,
        first_wait: float = 0.5,
        longest_wait: float = 30.0,
        required: bool = True,
    ) -> None:
        """Wrap `source`, which is opened and closed from here on.

        Args:
            source: what to read.
            on_state: called from `read` with (False, why) when the device is lost and with
                (True, "") when it is back; what runs should be ended at the first. Called from
                `open` too, if the device is not required.
            first_wait: seconds before the first try to reach a lost device; each further wait is
                twice as long.
            longest_wait: seconds between two tries, at most.
            required: whether a device that is missing at `open` is an error; if not, it counts as
                lost.
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
        """How often sound was lost because nobody read in time."""
        return self._source.overruns

    def open(self) -> None:
        """Open the device; one that is missing now is a DeviceError if it is required."""
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
        """Return the next frame, (160,) int16: sound, or silence while the device is away.

        None after `stop`, and at the end of a recording. Lasts at most about a second; longer only
        if a device is slow to open again (at most three seconds more).
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
        """Let `read` return None from now on, at once. May be called from any thread."""
        self._stopped.set()

    def close(self) -> None:
        """Release the device."""
        self.connected = False
        self._source.close()

    def _lose(self, reason: str) -> None:
        if self._on_state is not None:
            self._on_state(False, reason)
        self.close()  # lasts a minute when a sound server hangs
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
        """Wait until 10 ms of silence have passed."""
        if self._pace is not None:
            self._pace.wait()
        return None if self._stopped.is_set() else np.zeros(FRAME_SAMPLES, np.int16)
