"""What plays beside Auricle, as the back ends tell it, and what a back end must be able to do.

A sound is a player on the message bus, a stream of a sound server, or the mixer of a sound card.
Its setting is what ducking changes: levels, and whether it is silent.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Protocol

PLAYERS = "mpris"  # players on the message bus
STREAMS = "pulse"  # streams of PulseAudio or PipeWire
MIXER = "alsa"  # the mixer of a sound card


@dataclass(frozen=True, slots=True)
class Volume:
    """How loud a sound is."""

    levels: tuple[float, ...]  # of each channel, as the back end counts them; empty: not known
    silent: bool = False  # paused or muted

    def scaled(self, factor: float) -> Volume:
        """Return the setting with all levels multiplied."""
        return replace(self, levels=tuple(level * factor for level in self.levels))


@dataclass(frozen=True, slots=True, order=True)
class StreamKey:
    """Names a sound as long as it lives, also over a restart of this daemon."""

    backend: str  # PLAYERS, STREAMS or MIXER
    id: str


@dataclass(frozen=True, slots=True)
class PlayerStream:
    """A sound at one moment."""

    key: StreamKey
    setting: Volume
    name: str  # for people
    playing: bool = True  # it is heard now
    can_level: bool = True  # its levels can be set
    can_silence: bool = True  # it can be made silent
    grain: float = 0.0  # how far off a level may be when it is read again
    process: int = 0  # which plays it; 0: not known
    aliases: frozenset[str] = frozenset()  # what its program is called, in small letters
    memory: str = ""  # under what name the server keeps the setting for the program's next stream


@dataclass(frozen=True, slots=True)
class Look:
    """What a back end sees at one moment."""

    sounds: tuple[PlayerStream, ...]
    present: frozenset[
        StreamKey
    ]  # all that live, those too that did not tell their setting in time


class Backend(Protocol):
    """Reaches one kind of sound. All is called on the event loop, which nothing may hold up."""

    name: str
    hears_all: bool  # whatever is heard on this device can be seen here
    last_resort: bool  # is asked only where nothing else hears all

    async def start(self, on_change: Callable[[], None]) -> None:
        """Call `on_change` on the event loop when something may have changed."""
        ...

    async def close(self) -> None:
        """Let go of all."""
        ...

    async def look(self) -> Look:
        """Return what is there; raises SoundError where nothing can be reached."""
        ...

    async def change(self, key: StreamKey, setting: Volume) -> Volume:
        """Bring a sound to a setting, and return what came of it; one that has gone takes any.

        Raises:
            SoundError: it does not answer.
        """
        ...

    async def mend(self, memory: str, before: Volume, after: Volume) -> bool:
        """Where the server keeps `after` for a program's next stream, let it keep `before`.

        Returns whether there was anything to mend.
        """
        ...
