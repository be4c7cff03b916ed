"""A recording in place of the microphone: a silent room, in which the recording plays on request.

In: a recording. Out: audio frames in real time. It plays when a client wants to hear, so that no
client comes too late. After `close`, for example while muted, `open` plays it from the start.
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
        self._was_wanted = loop  # whether `open` plays it

    def play(self, *, restart: bool = False) -> None:
        """Play the recording, unless it is playing; any thread may call this.

        Args:
            restart: play it from the start even if it is playing.
        """
        with self._lock:
            self._was_wanted = True
            self._wanted = self._wanted or restart or not self._playing

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
            self._playing = False
        self._pause_frames = 0

    def _begin_if_wanted(self) -> None:
        with self._lock:
            repeat = self._loop and not self._playing and self._pause_frames <= 0
            begin, self._wanted = self._wanted or repeat, False
            self._playing = self._playing or begin
        if begin:
            self._file.open()

    def _end(self) -> None:
        self._file.close()
        with self._lock:
            self._playing = False
        self._pause_frames = round(PAUSE_SECONDS / FRAME_SECONDS)
