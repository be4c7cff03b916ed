"""What every source of sound looks like to the rest of Auricle."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterator
from types import TracebackType
from typing import Protocol, Self, runtime_checkable

from auricle.audio.format import Frame


@runtime_checkable
class AudioSource(Protocol):
    """Delivers frames one by one. All calls come from one thread; `with` opens and closes it."""

    @property
    def overruns(self) -> int:
        """How often sound was lost because nobody read in time."""
        ...

    def open(self) -> None:
        """Start to record or play; raise DeviceError or AudioError when that is impossible."""
        ...

    def read(self) -> Frame | None:
        """Wait for the next 10 ms: (160,) int16, or None at the end of a recording.

        A microphone waits at most about a second, so that whoever reads can show that it is alive;
        DeviceError means that the device went away.
        """
        ...

    def close(self) -> None:
        """Release the device or file. Closing twice does no harm."""
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
    """Gives a source its `with`."""

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
    """Yield the frames of an open source, each (160,) int16, until it ends."""
    while (frame := source.read()) is not None:
        yield frame
