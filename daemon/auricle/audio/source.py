"""The protocol that every audio source follows."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterator
from types import TracebackType
from typing import Protocol, Self, runtime_checkable

from auricle.audio.format import Frame


@runtime_checkable
class AudioSource(Protocol):
    """Delivers audio frames one by one; a context manager. Call it from one thread only."""

    @property
    def overruns(self) -> int:
        """Number of times audio was lost because `read` was called too late."""
        ...

    def open(self) -> None:
        """Start recording or playback.

        Raises:
            DeviceError: the device cannot record.
            AudioError: the recording cannot be read.
        """
        ...

    def read(self) -> Frame | None:
        """Wait for the next audio frame: (160,) int16, 10 ms; None at the end of a recording.

        A microphone waits for about one second at most, so that the reader can feed its watchdog.

        Raises:
            DeviceError: the device was disconnected.
            AudioError: the recording is damaged.
        """
        ...

    def close(self) -> None:
        """Release the device or file. It is safe to call this twice."""
        ...

    def __enter__(self) -> Self:
        """Open and return the source."""
        ...

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        """Close the source."""
        ...


class OpenedByWith(ABC):
    """Mix-in that makes a source a context manager."""

    @abstractmethod
    def open(self) -> None:
        """See `AudioSource`."""

    @abstractmethod
    def close(self) -> None:
        """See `AudioSource`."""

    def __enter__(self) -> Self:
        """Open and return the source."""
        self.open()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        """Close the source."""
        self.close()


def frames(source: AudioSource) -> Iterator[Frame]:
    """Yield the audio frames of an open source, each (160,) int16, until it ends."""
    while (frame := source.read()) is not None:
        yield frame
