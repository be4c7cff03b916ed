"""What a face, as that on D-Bus, asks of the daemon behind it, and what the daemon tells it.

The service implements `Assistant`; a face knows nothing else of the daemon, and the daemon's inner
parts know no face. Everything here is called on the thread of the event loop.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Protocol

from auricle.compute.governor import Governor
from auricle.context.registry import ContextRegistry
from auricle.ducking.ducker import Ducker
from auricle.errors import ArgumentError
from auricle.events import CancelReason
from auricle.privacy.guard import Guard

# As in the configuration: no client may keep the microphone open for longer than its owner may.
_MOST_SECONDS = {"no_speech_seconds": 60, "maximum_seconds": 120}


class Activity(StrEnum):
    """What the daemon is doing: the property `State`."""

    STARTING = "starting"  # models are being loaded
    IDLE = "idle"  # waiting for a wake word or a client
    LISTENING = "listening"  # a session runs
    MUTED = "muted"  # nothing is heard
    UNAVAILABLE = "unavailable"  # there is no microphone at the moment


@dataclass(frozen=True, slots=True)
class Status:
    """What anyone on the bus may know; no word of what was said."""

    activity: Activity
    muted: bool
    wake_words: tuple[str, ...]  # names of those listened for
    language: str  # BCP 47 tag of the recogniser, e.g. "en"


@dataclass(frozen=True, slots=True)
class ListenOptions:
    """How one session that a client opens differs from the configuration; None: it does not."""

    no_speech_seconds: float | None = None  # end when nothing was said for so long; at most 60
    maximum_seconds: float | None = None  # longest command; at most 120

    def __post_init__(self) -> None:
        """Raise ArgumentError for a length out of its range."""
        for name, most in _MOST_SECONDS.items():
            seconds = getattr(self, name)
            if seconds is not None and not 0 < seconds <= most:  # which holds of no NaN either
                raise ArgumentError(
                    f"option {name!r} is {seconds}; give seconds above 0 and up to {most}"
                )


@dataclass(frozen=True, slots=True)
class InputLevel:
    """What the microphone hears at one moment, as a meter shows it."""

    time: float  # seconds on the audio clock
    decibels: float  # dBFS: root mean square since the last Level; 0 is full scale
    wake_scores: Mapping[str, float]  # wake word -> highest score since the last Level, 0 to 1


class Assistant(Protocol):
    """The daemon, as the D-Bus face sees it."""

    @property
    def contexts(self) -> ContextRegistry:
        """What takes the names that a person may say."""
        ...

    @property
    def privacy(self) -> Guard:
        """What decides on what may leave the device."""
        ...

    @property
    def compute(self) -> Governor:
        """What decides on how much is computed."""
        ...

    @property
    def music(self) -> Ducker:
        """What ducks other sounds."""
        ...

    def status(self) -> Status:
        """Return the state of this moment, without waiting for anything."""
        ...

    async def listen(self, owner: str, options: ListenOptions) -> str:
        """Begin a session for the client `owner` and return its id.

        The `Wake` event of the session must carry `owner`. Raises BusyError, MutedError or
        DeviceError.
        """
        ...

    async def cancel(self, session: str, reason: CancelReason) -> None:
        """End a session with `Cancelled(reason)`; raises NoSuchSessionError if it does not run."""
        ...

    async def set_muted(self, muted: bool) -> None:
        """Mute or unmute the microphone; muting cancels the session that runs."""
        ...
