"""Recordings as a source of sound: WAV, FLAC, Ogg and whatever else libsndfile reads.

In: a file of any usual rate and number of channels. Out: frames in Auricle's format, in real time
or as fast as they are asked for; or the whole recording at once. Files are read block by block.
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
LOUDEST_FLOAT = 100.0  # full scale is 1; some writers overshoot, none by 40 dB
BLOCK_SECONDS = 0.5


class RealTimePace:
    """Lets one frame pass every 10 ms, counted from its making.

    Each frame has its own due time, so that waits that last too long do not add up to a drift:
    what is late passes at once until the pace is caught up.
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
        """Wait until the next frame would have been recorded to its end."""
        self._frames += 1
        delay = self._begin + self._frames * FRAME_SECONDS - self._clock()
        if delay > 0.0:
            self._sleep(delay)


class FileSource(OpenedByWith):
    """Plays a recording as an AudioSource; the last frame is filled up with silence."""

    def __init__(self, path: Path | str, realtime: bool = False, channel: Channel = "mix") -> None:
        """Choose what to play; `open` looks at it.

        Args:
            path: the recording.
            realtime: deliver a frame every 10 ms, as a microphone would, instead of at once.
            channel: index of the channel to hear, or "mix" for the mean of all.
        """
        self.overruns = 0
        self._path = Path(path)
        self._realtime = realtime
        self._channel: Channel = channel
        self._blocks: Iterator[Samples] | None = None
        self._pending = np.zeros(0, np.int16)
        self._pace: RealTimePace | None = None

    def open(self) -> None:
        """Open the recording; raise AudioError if it cannot be read as audio."""
        self.close()
        recording = _open(self._path, self._channel)
        self._blocks = _converted(recording, self._path, self._channel)
        self._pace = RealTimePace() if self._realtime else None

    def read(self) -> Frame | None:
        """Return the next frame, (160,) int16, or None at the end; AudioError if it is damaged."""
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
        self._blocks = None  # the generator's end closes the file
        self._pending = np.zeros(0, np.int16)


def read_recording(path: Path | str, channel: Channel = "mix") -> Samples:
    """Return a whole recording, (any,) int16 at 16 kHz.

    Args:
        path: the recording.
        channel: index of the channel to hear, or "mix" for the mean of all.

    Raises:
        AudioError: the file is missing, empty, cut off, damaged or not audio.
    """
    path = Path(path)
    return np.concatenate(list(_converted(_open(path, channel), path, channel)))


def _open(path: Path, channel: Channel) -> soundfile.SoundFile:
    """Open a recording and check all that its header tells."""
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
        # By descriptor: libsndfile then judges by the content, not by the name's ending.
        recording = soundfile.SoundFile(os.open(path, os.O_RDONLY | os.O_CLOEXEC), closefd=True)
    except FileNotFoundError as error:
        raise AudioError(f"{path} does not exist; check the name") from error
    except OSError as error:
        raise AudioError(
            f"{path} cannot be read: {error.strerror}; give a recording that you may read"
        ) from error
    except soundfile.SoundFileError as error:
        raise AudioError(
            f"{path} is not audio, or damaged ({_reason(error)}); give WAV, FLAC or Ogg"
        ) from error
    try:
        _check_header(recording, path, channel)
    except AudioError:
        recording.close()
        raise
    return recording


def _check_header(recording: soundfile.SoundFile, path: Path, channel: Channel) -> None:
    rate, channels, frames = recording.samplerate, recording.channels, recording.frames
    if not LOWEST_RATE <= rate <= HIGHEST_RATE:
        raise AudioError(
            f"{path} has a sample rate of {rate} Hz; convert it to one from {LOWEST_RATE} to "
            f"{HIGHEST_RATE} Hz"
        )
    if channels > MOST_CHANNELS:
        raise AudioError(f"{path} has {channels} channels; give at most {MOST_CHANNELS}")
    if channel != "mix" and not 0 <= channel < channels:
        raise AudioError(
            f"{path} has no channel {channel}; choose one from 0 to {channels - 1}, or mix"
        )
    if frames == 0:
        raise AudioError(f"{path} holds no sound, only a header; record it again")
    if frames > LONGEST_HOURS * 3600 * rate:
        raise AudioError(
            f"{path} claims to be {frames / rate / 3600:.1f} hours long; cut it into pieces of at "
            f"most {LONGEST_HOURS} hours"
        )


def _converted(recording: soundfile.SoundFile, path: Path, channel: Channel) -> Iterator[Samples]:
    """Yield the recording in Auricle's format; closes it at the end or when abandoned."""
    with recording:
        converter = FormatConverter(recording.samplerate, channel)
        block_frames = round(BLOCK_SECONDS * recording.samplerate)
        left = recording.frames
        while left > 0:
            try:
                block = recording.read(min(block_frames, left), dtype="float32", always_2d=True)
            except soundfile.SoundFileError as error:
                raise _damaged(recording, path, left, _reason(error)) from error
            if block.shape[0] == 0:
                raise _damaged(recording, path, left, "the data ends there")
            _check_samples(block, path)
            left -= block.shape[0]
            yield converter.convert(block)
        yield converter.flush()


def _check_samples(block: np.ndarray[tuple[int, int], np.dtype[np.float32]], path: Path) -> None:
    peak = float(np.abs(block).max())
    if not np.isfinite(peak):
        raise AudioError(f"{path} holds samples that are not numbers (NaN or infinity); mend it")
    if peak > LOUDEST_FLOAT:
        raise AudioError(
            f"{path} holds samples as large as {peak:.0f}, but float audio lies between -1 and 1; "
            "scale it down"
        )


def _damaged(recording: soundfile.SoundFile, path: Path, left: int, reason: str) -> AudioError:
    good = (recording.frames - left) / recording.samplerate
    whole = recording.frames / recording.samplerate
    return AudioError(
        f"{path} is cut off or damaged after {good:.2f} of {whole:.2f} s ({reason}); "
        "record or copy it again"
    )


def _reason(error: soundfile.SoundFileError) -> str:
    """What libsndfile says, without its punctuation."""
    text = getattr(error, "error_string", "") or str(error)
    return text.removeprefix("Error : ").strip().rstrip(".")
