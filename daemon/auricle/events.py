"""The events of a session, emitted by `session.py` and consumed by D-Bus, the CLI and tests.

A session begins with `Wake`. Then `Partial` and `Settled` follow in any order, and `Speculative`
whenever the command seems complete. Each `Speculative` is either confirmed by the end or withdrawn
by `Revised`. After `Revised`, what replaces the result follows at once. A session ends with exactly
one of `Final`, `Cancelled` and `Failed`.
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
    """Why the final end-pointer ended the command."""

    SILENCE = "silence"  # silence by VAD and search, or only voices much fainter than the speaker
    DECODER = "decoder"  # the search emits only blank, although the room is not silent
    MAXIMUM = "maximum"  # the command reached the longest duration that the config allows
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

    After a `Revised`, the text continues from that of the withdrawn `Speculative`, which the second
    pass has read.
    """

    text: str
    settled: int = 0  # number of first words that no later Partial changes; see `Settled`


@dataclass(frozen=True, slots=True, kw_only=True)
class Settled(Event):
    """More of the text so far is settled: every later `Partial` begins with it.

    The text is the beginning of the last `Partial`, or of a `Speculative` that was `Revised` since.
    It holds until the next `Speculative`, which reads the whole command again.
    """

    text: str  # the settled beginning
    words: int  # number of words in it


@dataclass(frozen=True, slots=True, kw_only=True)
class Speculative(Event):
    """The command seems complete: clients may start to work on this result."""

    result: Result


@dataclass(frozen=True, slots=True, kw_only=True)
class Revised(Event):
    """The last `Speculative` is withdrawn: clients must discard their work on it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Final(Event):
    """The command is complete. Ends the session."""

    result: Result
    reason: EndReason
    reranked: bool = False  # whether an external reranker has ordered the n-best list


@dataclass(frozen=True, slots=True, kw_only=True)
class Cancelled(Event):
    """The session is over without a result. Ends the session."""

    reason: CancelReason


@dataclass(frozen=True, slots=True, kw_only=True)
class Failed(Event):
    """The session is over because of an error. Ends the session."""

    error: str  # `name` of a class in errors.py
    message: str
