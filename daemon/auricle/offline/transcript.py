"""The transcript of a whole recording, collected from its segments.

In: the `TranscribedSegment`s in order. Out: a `Transcript`. The lattices are dropped unless they
are wanted, because those of an hour of speech take much memory.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field

from auricle.lattice.lattice import Lattice, concatenate
from auricle.lattice.result import Hypothesis, RecognizedName, Result, Word
from auricle.offline.live_clock import Known, KnownPartial, Transcription, nothing_heard
from auricle.offline.segments import TranscribedSegment
from auricle.recognizer.written_form import written_form


@dataclass(frozen=True, slots=True)
class SegmentSummary:
    """What a transcript keeps of a segment with words; times in seconds from the start."""

    text: str
    start: float  # start of its first word
    end: float  # end of its last word
    speculative: Known | None  # its last speculative result
    revised: bool
    final: Known
    written: str  # with capitals, punctuation and digits


@dataclass(frozen=True, slots=True, kw_only=True)
class Transcript:
    """The transcript of a recording; times in seconds from its start."""

    seconds: float
    text: str
    nbest: tuple[Hypothesis, ...]
    words: tuple[Word, ...]
    names: tuple[RecognizedName, ...]
    partials: tuple[KnownPartial, ...]  # the text of each is that of its segment
    speculative: Known | None  # the last one
    revised: bool  # whether any speculative result was withdrawn
    final: Known  # the whole text, and the time of the last final result
    segments: tuple[SegmentSummary, ...]
    compute_seconds: float
    lattice: Lattice | None


@dataclass(slots=True)
class Collector:
    """Collects the segments of one recording."""

    hypotheses: int  # size of the n-best list
    keep_lattices: bool = False
    _seconds: float = 0.0
    _compute_seconds: float = 0.0
    _ended: float = 0.0  # time at which the last segment ended
    _lattices: list[Lattice] = field(default_factory=list)
    _nbest: list[tuple[Hypothesis, ...]] = field(default_factory=list)
    _words: list[Word] = field(default_factory=list)
    _names: list[RecognizedName] = field(default_factory=list)
    _partials: list[KnownPartial] = field(default_factory=list)
    _segments: list[SegmentSummary] = field(default_factory=list)
    _revised: bool = False

    def add(self, segment: TranscribedSegment) -> None:
        """Take the next segment."""
        done, result = segment.transcription, segment.transcription.result
        self._seconds = segment.end
        self._compute_seconds += done.compute_seconds
        self._ended = done.final.time
        self._partials += done.partials
        self._revised = self._revised or done.revised
        if not result.text:
            return
        self._segments.append(_summary(done, result))
        self._nbest.append(result.nbest)
        self._words += result.words
        self._names += result.names
        if self.keep_lattices:
            self._lattices.append(result.lattice)

    def transcript(self) -> Transcript:
        """Return the transcript of the segments so far."""
        text = " ".join(segment.text for segment in self._segments)
        time = self._segments[-1].final.time if self._segments else self._ended
        speculative = [one.speculative for one in self._segments if one.speculative]
        lattices = self._lattices or [nothing_heard(self._seconds).lattice]
        return Transcript(
            seconds=self._seconds,
            text=text,
            nbest=combined(self._nbest, self.hypotheses),
            words=tuple(self._words),
            names=tuple(self._names),
            partials=tuple(self._partials),
            speculative=speculative[-1] if speculative else None,
            revised=self._revised,
            final=Known(text, time),
            segments=tuple(self._segments),
            compute_seconds=self._compute_seconds,
            lattice=concatenate(lattices) if self.keep_lattices else None,
        )


def combined(lists: Iterable[Sequence[Hypothesis]], count: int) -> tuple[Hypothesis, ...]:
    """Return the best readings of consecutive segments: distinct texts, best first.

    The score of a reading is the sum of the scores of its parts.

    Args:
        lists: n-best list of each segment, best first.
        count: largest number of readings.
    """
    best = [_Reading(0.0)]
    for nbest in lists:
        longer = [
            _Reading(one.score + part.score, one, part.text) for one in best for part in nbest
        ]
        best = sorted(longer, key=lambda one: -one.score)[:count]
    found: dict[str, float] = {}
    for one in best:
        found.setdefault(one.text, one.score)
    return tuple(Hypothesis(text, score) for text, score in found.items() if text)


@dataclass(frozen=True, slots=True)
class _Reading:
    """A reading of the first segments, linked to that of the segments before the last one."""

    score: float
    before: _Reading | None = None
    part: str = ""

    @property
    def text(self) -> str:
        """The whole text."""
        parts: list[str] = []
        one: _Reading | None = self
        while one is not None:
            parts.append(one.part)
            one = one.before
        return " ".join(part for part in reversed(parts) if part)


def _summary(done: Transcription, result: Result) -> SegmentSummary:
    return SegmentSummary(
        text=result.text,
        start=result.words[0].start,
        end=result.words[-1].end,
        speculative=done.speculative,
        revised=done.revised,
        final=done.final,
        written=written_form(result),
    )
