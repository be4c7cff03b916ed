"""The values that ducking back ends exchange, and the protocol of a back end.

A `PlayerStream` is a player on D-Bus, a stream of a sound server, or the mixer of a sound card. Its
`Volume` is what ducking changes: the levels, and whether it is silent.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Protocol

PLAYERS = "mpris"  # players on D-Bus
STREAMS = "pulse"  # streams of PulseAudio or PipeWire
MIXER = "alsa"  # the mixer of a sound card


@dataclass(frozen=True, slots=True)
class Volume:
    """The volume of a stream."""

    levels: tuple[float, ...]  # one per channel, in the unit of the back end; empty: unknown
    silent: bool = False  # paused or muted

    def scaled(self, factor: float) -> Volume:
        """Return the volume with all levels multiplied by `factor`."""
        return replace(self, levels=tuple(level * factor for level in self.levels))


@dataclass(frozen=True, slots=True, order=True)
class StreamKey:
    """Identifies a stream during its lifetime, also after a restart of this daemon."""

    backend: str  # PLAYERS, STREAMS or MIXER
    id: str


@dataclass(frozen=True, slots=True)
class PlayerStream:
    """A stream at one moment."""

    key: StreamKey
    setting: Volume
    name: str  # for the user
    playing: bool = True  # it is audible now
    can_level: bool = True  # its levels can be set
    can_silence: bool = True  # it can be paused or muted
    grain: float = 0.0  # possible difference between a level that was set and the level read back
    process: int = 0  # id of the process that plays it; 0: unknown
    aliases: frozenset[str] = frozenset()  # names of its program, in lower case
    memory: str = ""  # key under which the server stores the volume for the program's next stream


@dataclass(frozen=True, slots=True)
class Look:
    """The streams of a back end at one moment."""

    sounds: tuple[PlayerStream, ...]
    present: frozenset[StreamKey]  # all streams, also those that did not report a volume in time


class Backend(Protocol):
    """Controls one kind of stream. All methods run on the event loop and must not block it."""

    name: str
    hears_all: bool  # it sees everything that this device plays
    last_resort: bool  # it is used only if no other back end sees everything

    async def start(self, on_change: Callable[[], None]) -> None:
        """Connect; from now on, call `on_change` on the event loop when a stream may have changed.

        Raises:
            SoundError: the back end cannot connect.
        """
        ...

    async def close(self) -> None:
        """Disconnect."""
        ...

    async def look(self) -> Look:
        """Return the current streams.

        Raises:
            SoundError: the back end cannot be reached.
        """
        ...

    async def change(self, key: StreamKey, setting: Volume) -> Volume:
        """Set the volume of a stream.

        Returns:
            The volume that the stream has now; `setting` if the stream no longer exists.

        Raises:
            SoundError: the stream does not answer.
        """
        ...

    async def mend(self, memory: str, before: Volume, after: Volume) -> bool:
        """Correct the volume that the server stores for a program's next stream.

        Args:
            memory: key of the stored volume.
            before: volume to store.
            after: volume that is replaced; any other stored volume stays.

        Returns:
            Whether the stored volume was replaced.
        """
        ...
