"""The events of a session, which the core emits and every face (D-Bus, CLI, tests) consumes.

A session is `Wake`, `Partial` and `Settled` in turn, then any number of `Speculative`, each
withdrawn by `Revised`, after which more of them may follow, or confirmed by the end. It ends with
exactly one of `Final`, `Cancelled` and `Failed`.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from auricle.lattice.result import Result


class CancelReason(StrEnum):
    """Why a session ended without a result."""

    REQUESTED = "requested"  # a client asked
    NO_SPEECH = "no-speech"  # nothing was said before the time-out
    MUTED = "muted"  # the microphone was muted
    OWNER_LEFT = "owner-left"  # the client that opened the session vanished
    AUDIO_ENDED = "audio-ended"  # the recording ended, or the device went away, with nothing said
    SHUTDOWN = "shutdown"  # the daemon stops


class EndReason(StrEnum):
    """What told the final end-pointer that the command is over."""

    SILENCE = "silence"  # by VAD and search, or nothing but voices much fainter than the command
    DECODER = "decoder"  # the search has seen nothing but blank, though the room is not silent
    MAXIMUM = "maximum"  # the longest command that the config allows
    AUDIO_ENDED = "audio-ended"  # the recording ended


@dataclass(frozen=True, slots=True, kw_only=True)
class Event:
    """Common to all events."""

    session: str  # session id, unique in the life of the daemon
    time: float  # seconds on the audio clock at which the event became known


@dataclass(frozen=True, slots=True, kw_only=True)
class Wake(Event):
    """A session begins."""

    wake_word: str  # name of the wake word; empty when a client called Listen
    score: float  # detector's probability, 0 to 1; 1 when a client called Listen
    start: float  # seconds: where the wake word began
    end: float  # seconds: where the command may begin
    owner: str = ""  # the client that called Listen, by its name on the bus; empty for a wake word


@dataclass(frozen=True, slots=True, kw_only=True)
class Partial(Event):
    """The best text so far has changed.

    Where a second pass has read the beginning of the command again, for a `Speculative` that was
    `Revised`, the text goes on from there.
    """

    text: str
    settled: int = 0  # words at its beginning that no later Partial changes; see `Settled`


@dataclass(frozen=True, slots=True, kw_only=True)
class Settled(Event):
    """More of the text so far is settled: every later `Partial` begins with it.

    The text is that of the last `Partial`, or of a `Speculative` that was `Revised` since. It holds
    up to the next `Speculative`, which reads all of the command again.
    """

    text: str  # the settled beginning
    words: int  # in it


@dataclass(frozen=True, slots=True, kw_only=True)
class Speculative(Event):
    """The command seems complete: downstream work may start on this result."""

    result: Result


@dataclass(frozen=True, slots=True, kw_only=True)
class Revised(Event):
    """The last `Speculative` is withdrawn: downstream work on it must be reset."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Final(Event):
    """The command is complete. An end."""

    result: Result
    reason: EndReason
    reranked: bool = False  # a reranker outside has put the readings in their order


@dataclass(frozen=True, slots=True, kw_only=True)
class Cancelled(Event):
    """The session is over without a result. An end."""

    reason: CancelReason


@dataclass(frozen=True, slots=True, kw_only=True)
class Failed(Event):
    """The session is over because something broke. An end."""

    error: str  # the name of an error of errors.py
    message: str
