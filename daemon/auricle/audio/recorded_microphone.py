"""A recording in place of the microphone: a silent room, in which the recording plays on request.

In: a recording. Out: audio frames in real time. It plays on request (`play`), and once more for
requests that come while it plays, so that no client misses its start. After `close`, for example
while muted, `open` plays it from the start.
"""

from __future__ import annotations

import threading
from pathlib import Path

import numpy as np

from auricle.audio.file import FileSource, RealTimePace
from auricle.audio.format import FRAME_SAMPLES, FRAME_SECONDS, Frame
from auricle.audio.source import OpenedByWith

PAUSE_SECONDS = 3.0  # of silence between two repetitions


class RecordedMicrophone(OpenedByWith):
    """An audio source that never ends. Call all methods except `play` from one thread."""

    def __init__(self, path: Path | str, *, loop: bool = False) -> None:
        """Set what to play.

        Args:
            path: the recording.
            loop: play it again and again with pauses, without a request.
        """
        self.overruns = 0
        self._file = FileSource(path)
        self._loop = loop
        self._playing = False
        self._pause_frames = 0  # silent frames before the next repetition
        self._pace = RealTimePace()
        self._lock = threading.Lock()
        self._wanted = loop  # whether it plays from the start with the next frame
        self._again = False  # whether it plays once more after its end and a pause
        self._was_wanted = loop  # whether `open` plays it

    def play(self, *, restart: bool = False) -> None:
        """Play the recording; any thread may call this.

        Args:
            restart: if it is playing, play it from the start now instead of once more after its
                end.
        """
        with self._lock:
            self._was_wanted = True
            if restart or not self._playing:
                self._wanted = True
            else:
                self._again = True

    def open(self) -> None:
        """Begin.

        Raises:
            AudioError: the recording is missing or damaged.
        """
        self.close()
        self._file.open()
        self._file.close()
        self._pace = RealTimePace()
        with self._lock:
            self._wanted = self._was_wanted

    def read(self) -> Frame | None:
        """Wait for the next audio frame, (160,) int16, of the recording or of silence.

        Raises:
            AudioError: the recording is damaged.
        """
        self._pace.wait()
        self._begin_if_wanted()
        if self._playing:
            frame = self._file.read()
            if frame is not None:
                return frame
            self._end()
        self._pause_frames -= 1
        return np.zeros(FRAME_SAMPLES, np.int16)

    def close(self) -> None:
        """Close the recording."""
        self._file.close()
        with self._lock:
            self._playing = self._again = False
        self._pause_frames = 0

    def _begin_if_wanted(self) -> None:
        with self._lock:
            due = self._loop or self._again
            begin = self._wanted or (due and not self._playing and self._pause_frames <= 0)
            if begin:
                self._wanted = self._again = False
                self._playing = True
        if begin:
            self._file.open()

    def _end(self) -> None:
        self._file.close()
        with self._lock:
            self._playing = False
        self._pause_frames = round(PAUSE_SECONDS / FRAME_SECONDS)
