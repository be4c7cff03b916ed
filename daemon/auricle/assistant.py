"""State and options of the daemon that the engine, the service and the D-Bus server share.

This module holds values only. `bus/assistant.py` defines the protocol that uses them.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum

from auricle.errors import ArgumentError

# The configuration has the same limits: no client may keep the microphone open for longer.
_MAXIMUM_SECONDS = {"no_speech_seconds": 60, "maximum_seconds": 120}


class Activity(StrEnum):
    """What the daemon is doing; the D-Bus property `State`."""

    STARTING = "starting"  # loads the models
    IDLE = "idle"  # waits for a wake word or a client
    LISTENING = "listening"  # a session is running
    MUTED = "muted"  # the microphone is closed
    UNAVAILABLE = "unavailable"  # there is no microphone at the moment


@dataclass(frozen=True, slots=True)
class Status:
    """The public state of the daemon; it contains no transcript."""

    activity: Activity
    muted: bool
    wake_words: tuple[str, ...]  # names of the active wake words
    language: str  # BCP 47 tag of the recogniser, e.g. "en"


@dataclass(frozen=True, slots=True)
class ListenOptions:
    """Options of one `Listen` call; None keeps the configured value."""

    no_speech_seconds: float | None = None  # end after this long without speech; at most 60
    maximum_seconds: float | None = None  # longest command; at most 120

    def __post_init__(self) -> None:
        """Raise ArgumentError for a value out of range."""
        for name, maximum in _MAXIMUM_SECONDS.items():
            seconds = getattr(self, name)
            if seconds is not None and not 0 < seconds <= maximum:  # also rejects NaN
                raise ArgumentError(
                    f"option {name!r} is {seconds}; give seconds above 0 and up to {maximum}"
                )


@dataclass(frozen=True, slots=True)
class InputLevel:
    """Microphone level and wake-word scores at one moment, for a level meter."""

    time: float  # seconds on the audio clock
    decibels: float  # dBFS: root mean square since the last InputLevel; 0 is full scale
    wake_scores: Mapping[str, float]  # wake word -> highest score since the last one, 0 to 1
