"""Reads audio from standard input or another pipe, in the formats that libsndfile can stream.

In: a file descriptor. Out: audio frames in Auricle's format. WAV, AU, AIFF and Ogg are detected
from their headers; samples without a header need a `RawFormat`. The length is unknown: a program
that writes WAV to a pipe cannot know it either, and the length in its header is not used.
"""

from __future__ import annotations

import os
import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import soundfile

from auricle.audio.convert import Channel, FormatConverter
from auricle.audio.file import BLOCK_SECONDS, FileSource, check_format, check_samples, reason_of
from auricle.audio.format import SAMPLE_RATE, Samples
from auricle.errors import ArgumentError, AudioError

STANDARD_INPUT = Path("-")
_RAW = re.compile(r"(\d{1,6})(?::(\d{1,2})(?::([A-Za-z0-9_]+))?)?")


@dataclass(frozen=True, slots=True)
class RawFormat:
    """The format of samples without a header, in the byte order of this machine."""

    rate: int = SAMPLE_RATE  # Hz
    channels: int = 1
    subtype: str = "PCM_16"  # libsndfile's name of the encoding


def raw_format(text: str) -> RawFormat:
    """Return the format of `RATE[:CHANNELS[:ENCODING]]`, such as 16000:1:PCM_16.

    Raises:
        ArgumentError: the text has another form, or libsndfile does not know the encoding.
    """
    parts = _RAW.fullmatch(text)
    known = soundfile.available_subtypes("RAW")
    if parts is None:
        raise ArgumentError(
            f"{text!r} is not a raw format; give RATE[:CHANNELS[:ENCODING]], such as 16000:1:PCM_16"
        )
    rate, channels, subtype = parts.groups()
    found = RawFormat(int(rate), int(channels or 1), (subtype or "PCM_16").upper())
    if found.subtype not in known:
        raise ArgumentError(f"{subtype!r} is not an encoding; choose from {', '.join(known)}")
    return found


class PipedSource(FileSource):
    """An audio source that reads a file descriptor as the audio arrives."""

    def __init__(
        self, descriptor: int, raw: RawFormat | None = None, channel: Channel = "mix"
    ) -> None:
        """Set what to read; `open` reads the header.

        Args:
            descriptor: the pipe; it stays open.
            raw: the format of samples without a header; None: the header says it.
            channel: index of the channel to read, or "mix" for the mean of all channels.
        """
        super().__init__(STANDARD_INPUT, channel=channel)
        self._descriptor = descriptor
        self._raw = raw

    def open(self) -> None:
        """Read the header.

        Raises:
            AudioError: the pipe holds no audio, or audio in a format that cannot be streamed.
        """
        self.close()
        recording = _open(self._descriptor, self._raw)
        try:
            check_format(recording, "standard input", self._channel)
        except AudioError:
            recording.close()
            raise
        self._blocks = _streamed(recording, self._channel)


def _open(descriptor: int, raw: RawFormat | None) -> soundfile.SoundFile:
    own = os.dup(descriptor)
    try:
        if raw is None:
            return soundfile.SoundFile(own, closefd=True)
        return soundfile.SoundFile(
            own,
            samplerate=raw.rate,
            channels=raw.channels,
            format="RAW",
            subtype=raw.subtype,
            closefd=True,
        )
    except (soundfile.SoundFileError, ValueError) as error:
        raise AudioError(
            f"standard input is not audio that can be streamed ({reason_of(error)}); give WAV, AU, "
            "AIFF or Ogg, name the format with --raw, or save the audio to a file"
        ) from error


def _streamed(recording: soundfile.SoundFile, channel: Channel) -> Iterator[Samples]:
    """Yield the audio in Auricle's format until the pipe ends."""
    with recording:
        converter = FormatConverter(recording.samplerate, channel)
        frames = round(BLOCK_SECONDS * recording.samplerate)
        while True:
            try:
                block = recording.read(frames, dtype="float32", always_2d=True)
            except soundfile.SoundFileError as error:
                raise AudioError(
                    f"standard input is damaged ({reason_of(error)}); record or convert it again"
                ) from error
            if block.shape[0] == 0:
                break
            check_samples(block, "standard input")
            yield converter.convert(block)
        yield converter.flush()
