"""Reads recordings as an audio source: WAV, FLAC, Ogg and all other formats of libsndfile.

In: a file of any common rate and number of channels. Out: audio frames in Auricle's format, in real
time or as fast as the caller reads, or the whole recording at once. Files are read in blocks.
"""

from __future__ import annotations

import os
import stat
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import soundfile

from auricle.audio.convert import Channel, FormatConverter
from auricle.audio.format import FRAME_SAMPLES, FRAME_SECONDS, Frame, Samples
from auricle.audio.source import OpenedByWith
from auricle.audio.truncation import find_damage
from auricle.errors import AudioError

LOWEST_RATE, HIGHEST_RATE = 8_000, 192_000  # Hz
MOST_CHANNELS = 64
LONGEST_HOURS = 4
LOUDEST_FLOAT = 100.0  # full scale is 1; some encoders exceed it, but none by 40 dB
BLOCK_SECONDS = 0.5


class RealTimePace:
    """Slows a loop down to one audio frame per 10 ms, counted from the construction of the object.

    Frame n is due n * 10 ms after the start. A late frame does not delay the next one, so there is
    no drift.
    """

    def __init__(
        self,
        sleep: Callable[[float], object] = time.sleep,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._sleep = sleep
        self._clock = clock
        self._begin = clock()
        self._frames = 0

    def wait(self) -> None:
        """Wait until the end of the next frame in real time."""
        self._frames += 1
        delay = self._begin + self._frames * FRAME_SECONDS - self._clock()
        if delay > 0.0:
            self._sleep(delay)


class FileSource(OpenedByWith):
    """An audio source that plays a recording; the last frame is padded with silence."""

    def __init__(self, path: Path | str, realtime: bool = False, channel: Channel = "mix") -> None:
        """Set what to play; `open` reads the header.

        Args:
            path: the recording.
            realtime: deliver a frame every 10 ms, like a microphone, instead of at once.
            channel: index of the channel to play, or "mix" for the mean of all channels.
        """
        self.overruns = 0
        self.seconds: float | None = None  # length by the header, once open; None: unknown
        self._path = Path(path)
        self._realtime = realtime
        self._channel: Channel = channel
        self._blocks: Iterator[Samples] | None = None
        self._pending = np.zeros(0, np.int16)
        self._pace: RealTimePace | None = None

    def open(self) -> None:
        """Open the recording.

        Raises:
            AudioError: the file is missing, empty, truncated, damaged or not audio.
        """
        self.close()
        recording = _open(self._path, self._channel)
        self.seconds = recording.frames / recording.samplerate
        self._blocks = _converted(recording, self._path, self._channel)
        self._pace = RealTimePace() if self._realtime else None

    def read(self) -> Frame | None:
        """Return the next audio frame, (160,) int16, or None at the end.

        Raises:
            AudioError: the recording is truncated or damaged.
        """
        while self._blocks is not None and self._pending.size < FRAME_SAMPLES:
            block = next(self._blocks, None)
            if block is None:
                self._blocks = None
                missing = -self._pending.size % FRAME_SAMPLES
                block = np.zeros(missing, np.int16)
            self._pending = np.concatenate((self._pending, block))
        if self._pending.size == 0:
            return None
        frame, self._pending = self._pending[:FRAME_SAMPLES], self._pending[FRAME_SAMPLES:]
        if self._pace is not None:
            self._pace.wait()
        return frame

    def close(self) -> None:
        """Close the file."""
        self._blocks = None  # dropping the generator closes the file
        self._pending = np.zeros(0, np.int16)


def read_recording(path: Path | str, channel: Channel = "mix") -> Samples:
    """Return a whole recording, (samples,) int16 at 16 kHz.

    Args:
        path: the recording.
        channel: index of the channel to read, or "mix" for the mean of all channels.

    Raises:
        AudioError: the file is missing, empty, truncated, damaged or not audio.
    """
    path = Path(path)
    return np.concatenate(list(_converted(_open(path, channel), path, channel)))


def _open(path: Path, channel: Channel) -> soundfile.SoundFile:
    """Open a recording and check its header."""
    try:
        about = path.stat()
        if stat.S_ISDIR(about.st_mode):
            raise AudioError(f"{path} is a folder; name a recording in it")
        if not stat.S_ISREG(about.st_mode):
            raise AudioError(f"{path} is not a file; name a WAV, FLAC or Ogg recording")
        if about.st_size == 0:
            raise AudioError(f"{path} is empty (0 bytes); record it again")
        if damage := find_damage(path):
            raise AudioError(f"{path} {damage}; record or copy it again")
        # Given a descriptor, libsndfile detects the format from the content, not from the suffix.
        recording = soundfile.SoundFile(os.open(path, os.O_RDONLY | os.O_CLOEXEC), closefd=True)
    except FileNotFoundError as error:
        raise AudioError(f"{path} does not exist; check the name") from error
    except OSError as error:
        raise AudioError(
            f"{path} cannot be read: {error.strerror}; name a recording that you can read"
        ) from error
    except soundfile.SoundFileError as error:
        raise AudioError(
            f"{path} is not audio, or is damaged ({reason_of(error)}); give WAV, FLAC or Ogg"
        ) from error
    try:
        _check_header(recording, path, channel)
    except AudioError:
        recording.close()
        raise
    return recording


def _check_header(recording: soundfile.SoundFile, path: Path, channel: Channel) -> None:
    check_format(recording, str(path), channel)
    rate, frames = recording.samplerate, recording.frames
    if frames == 0:
        raise AudioError(f"{path} contains only a header and no audio; record it again")
    if frames > LONGEST_HOURS * 3600 * rate:
        raise AudioError(
            f"{path} is {frames / rate / 3600:.1f} hours long by its header; split it into pieces "
            f"of at most {LONGEST_HOURS} hours"
        )


def check_format(recording: soundfile.SoundFile, path: str, channel: Channel) -> None:
    """Raise AudioError for a rate or a number of channels that cannot be converted."""
    rate, channels = recording.samplerate, recording.channels
    if not LOWEST_RATE <= rate <= HIGHEST_RATE:
        raise AudioError(
            f"{path} has a sample rate of {rate} Hz; convert it to a rate from {LOWEST_RATE} to "
            f"{HIGHEST_RATE} Hz"
        )
    if channels > MOST_CHANNELS:
        raise AudioError(f"{path} has {channels} channels; give at most {MOST_CHANNELS}")
    if channel != "mix" and not 0 <= channel < channels:
        raise AudioError(
            f"{path} has no channel {channel}; choose from 0 to {channels - 1}, or mix"
        )


def _converted(recording: soundfile.SoundFile, path: Path, channel: Channel) -> Iterator[Samples]:
    """Yield the recording in Auricle's format; close the file when the generator ends."""
    with recording:
        converter = FormatConverter(recording.samplerate, channel)
        block_frames = round(BLOCK_SECONDS * recording.samplerate)
        left = recording.frames
        while left > 0:
            try:
                block = recording.read(min(block_frames, left), dtype="float32", always_2d=True)
            except soundfile.SoundFileError as error:
                raise _damaged(recording, path, left, reason_of(error)) from error
            if block.shape[0] == 0:
                raise _damaged(recording, path, left, "the data ends early")
            check_samples(block, str(path))
            left -= block.shape[0]
            yield converter.convert(block)
        yield converter.flush()


def check_samples(block: np.ndarray[tuple[int, int], np.dtype[np.float32]], path: str) -> None:
    """Raise AudioError for samples that are not finite or far beyond full scale."""
    peak = float(np.abs(block).max())
    if not np.isfinite(peak):
        raise AudioError(f"{path} contains NaN or infinite samples; export it again")
    if peak > LOUDEST_FLOAT:
        raise AudioError(
            f"{path} contains samples as large as {peak:.0f}, but float audio lies between -1 and "
            "1; scale it down"
        )


def _damaged(recording: soundfile.SoundFile, path: Path, left: int, reason: str) -> AudioError:
    good = (recording.frames - left) / recording.samplerate
    whole = recording.frames / recording.samplerate
    return AudioError(
        f"{path} is truncated or damaged after {good:.2f} of {whole:.2f} s ({reason}); "
        "record or copy it again"
    )


def reason_of(error: Exception) -> str:
    """Return libsndfile's message without its prefix and full stop."""
    text = getattr(error, "error_string", "") or str(error)
    return text.removeprefix("Error : ").strip().rstrip(".")
