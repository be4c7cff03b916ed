"""The clock of a live session: when a client would have had each event of a recording.

In: the work of each audio frame. Out: a `Transcription`, with the times at which its texts would
have been known if the recording had been spoken live on this machine.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass, replace

from auricle.engine.pipeline import Clock
from auricle.errors import AuricleError
from auricle.events import EndReason, Event, Failed, Final, Partial, Revised, Settled, Speculative
from auricle.lattice.lattice import Arc, Lattice
from auricle.lattice.result import Result


@dataclass(frozen=True, slots=True)
class Known:
    """A text and the time at which it is available."""

    text: str
    time: float  # seconds since the start of the recording


@dataclass(frozen=True, slots=True)
class KnownPartial(Known):
    """A partial text."""

    settled: int = 0  # leading words that no partial text changes before the next Speculative


@dataclass(frozen=True, slots=True, kw_only=True)
class Transcription:
    """The transcription of a recording, with latencies."""

    seconds: float  # length of the recording, in whole frames
    result: Result  # the final result; empty if there was no speech
    speculative: Known | None  # the last speculative result
    revised: bool  # whether any speculative result was withdrawn
    final: Known
    compute_seconds: float  # without reading the file
    partials: tuple[KnownPartial, ...] = ()  # in order; see `partials_of`


class LiveClock:
    """Runs the work of each frame and computes how far it would lag behind live audio."""

    def __init__(self, clock: Clock, behind: float = 0.0) -> None:
        """Start a session.

        Args:
            clock: measures the compute time.
            behind: seconds that the work of earlier frames would still take.
        """
        self.behind = behind
        self._clock = clock
        self._compute_seconds = 0.0
        self._events: list[Event] = []

    @property
    def ended_by(self) -> EndReason | None:
        """Why the session ended with a result; None if it has no result."""
        end = self._events[-1] if self._events else None
        return end.reason if isinstance(end, Final) else None

    def take(self, work: Callable[[], tuple[Event, ...]], interval: float) -> None:
        """Run the work of a frame; the next frame follows after `interval` seconds of audio."""
        begin = self._clock()
        events = work()
        took = self._clock() - begin
        # The time of an event contains the work of its own frame, but not the lag before it.
        self._events += [replace(event, time=event.time + self.behind) for event in events]
        self._compute_seconds += took
        self.behind = max(0.0, self.behind + took - interval)

    def conclude(self, seconds: float) -> Transcription:
        """Return the transcription from the events; `seconds` is the length of the recording."""
        end = self._events[-1]
        if isinstance(end, Failed):
            raise AuricleError(end.message)
        result = end.result if isinstance(end, Final) else nothing_heard(seconds)
        speculative = [event for event in self._events if isinstance(event, Speculative)]
        return Transcription(
            seconds=seconds,
            result=result,
            speculative=_known(speculative[-1]) if speculative else None,
            revised=any(isinstance(event, Revised) for event in self._events),
            final=Known(result.text, end.time),
            compute_seconds=self._compute_seconds,
            partials=partials_of(self._events),
        )


def nothing_heard(seconds: float) -> Result:
    """Return an empty result; its lattice has one arc without a word."""
    silence = Arc(0, 1, word="", acoustic=0.0, graph=0.0, start=0.0, end=seconds)
    return Result(text="", nbest=(), words=(), lattice=Lattice(2, (silence,)))


def partials_of(events: Iterable[Event]) -> tuple[KnownPartial, ...]:
    """Return an entry for each change of the partial text or of its number of settled words."""
    partials: list[KnownPartial] = []
    text, settled = "", 0
    for event in events:
        match event:
            case Partial():
                text, settled = event.text, event.settled
                partials.append(KnownPartial(text, event.time, settled))
            case Settled() if event.words != settled:
                settled = event.words
                partials.append(KnownPartial(text, event.time, settled))
            case Speculative():
                text, settled = event.result.text, 0
    return tuple(partials)


def _known(event: Speculative) -> Known:
    return Known(event.result.text, event.time)
