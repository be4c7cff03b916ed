"""The output formats of `auricle transcribe`.

In: the segments of a recording as they come, and its `Transcript` at the end. Out: text. A format
returns what it can write at that moment, so that the text of a long recording appears as it is
recognized.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, Protocol

from auricle.lattice.result import Word
from auricle.offline.live_clock import Known
from auricle.offline.segments import TranscribedSegment
from auricle.offline.subtitles import VTT_HEADER, Cue, cues, subtitle_words, to_srt, to_vtt
from auricle.offline.transcript import SegmentSummary, Transcript
from auricle.recognizer.written_form import written_form

NO_SPEECH = "(no speech)"


class TranscriptFormat(Protocol):
    """Formats one recording; make a new one for the next recording."""

    def begin(self) -> str:
        """Return the text before the first segment."""
        ...

    def segment(self, segment: TranscribedSegment) -> str:
        """Return the text for a segment."""
        ...

    def end(self, transcript: Transcript) -> str:
        """Return the text after the last segment."""
        ...


class NamedText:
    """`FILE: text` for people, with the n-best list if it is wanted."""

    def __init__(
        self, path: Path, nbest: bool, *, written: bool = False, lines: bool = False
    ) -> None:
        """Start a recording.

        Args:
            path: the recording.
            nbest: whether to add the n-best list.
            written: whether to write capitals, punctuation and digits.
            lines: whether each segment gets a line of its own.
        """
        self._path = path
        self._nbest = nbest
        self._written = written
        self._lines = lines
        self._begun = False

    def begin(self) -> str:
        """Return nothing: an error may come before the first text."""
        return ""

    def segment(self, segment: TranscribedSegment) -> str:
        """Return the text of a segment, the first one after the name of the recording."""
        text = text_of(segment, written=self._written)
        if not text:
            return ""
        before = f"{self._path}: "
        if self._begun:
            before = "  " if self._lines else " "
        self._begun = True
        return before + text + ("\n" if self._lines else "")

    def end(self, transcript: Transcript) -> str:
        """Return the end of the line and the n-best list."""
        last = "" if self._begun else f"{self._path}: {NO_SPEECH}"
        if not (self._begun and self._lines):
            last += "\n"
        nbest = transcript.nbest if self._nbest else ()
        return last + "".join(f"  {one.score:9.2f}  {one.text}\n" for one in nbest)


class PlainText:
    """One line for each segment."""

    def __init__(self, *, written: bool) -> None:
        """Start a recording; `written`: with capitals, punctuation and digits."""
        self._written = written

    def begin(self) -> str:
        """Return nothing."""
        return ""

    def segment(self, segment: TranscribedSegment) -> str:
        """Return the text of a segment."""
        text = text_of(segment, written=self._written)
        return f"{text}\n" if text else ""

    def end(self, transcript: Transcript) -> str:
        """Return nothing."""
        return ""


class Subtitles:
    """Subtitles, see `offline.subtitles`."""

    def __init__(self, header: str, write: Callable[[Cue, int], str], *, written: bool) -> None:
        """Start a recording.

        Args:
            header: text before the first cue.
            write: formats a cue with its number.
            written: whether to write capitals and punctuation.
        """
        self._is_written = written
        self._header = header
        self._write = write
        self._count = 0

    def begin(self) -> str:
        """Return the header of the format."""
        return self._header

    def segment(self, segment: TranscribedSegment) -> str:
        """Return the cues of a segment."""
        written = []
        words = subtitle_words(segment.transcription.result, written=self._is_written)
        for cue in cues(words):
            self._count += 1
            written.append(self._write(cue, self._count))
        return "".join(written)

    def end(self, transcript: Transcript) -> str:
        """Return nothing."""
        return ""


class JsonLine:
    """One JSON object for the whole recording."""

    def __init__(self, path: Path, *, written: bool) -> None:
        self._path = path
        self._written = written

    def begin(self) -> str:
        """Return nothing."""
        return ""

    def segment(self, segment: TranscribedSegment) -> str:
        """Return nothing."""
        return ""

    def end(self, transcript: Transcript) -> str:
        """Return the object."""
        content = as_json(self._path, transcript, written=self._written)
        return json.dumps(content, ensure_ascii=False) + "\n"


# Each takes the recording, and whether to write capitals, punctuation and digits.
FORMATS: Mapping[str, Callable[[Path, bool], TranscriptFormat]] = {
    "txt": lambda _, written: PlainText(written=written),
    "srt": lambda _, written: Subtitles("", to_srt, written=written),
    "vtt": lambda _, written: Subtitles(VTT_HEADER, lambda cue, _: to_vtt(cue), written=written),
    "json": lambda path, written: JsonLine(path, written=written),
}


def text_of(segment: TranscribedSegment, *, written: bool) -> str:
    """Return the text of a segment."""
    result = segment.transcription.result
    return written_form(result) if written else result.text


def as_json(path: Path, transcript: Transcript, *, written: bool) -> dict[str, Any]:
    """Return a transcript with the keys that `auricle transcribe --help` lists."""
    content = {
        "file": str(path),
        "seconds": round(transcript.seconds, 3),
        "text": transcript.text,
        "nbest": [{"text": one.text, "score": round(one.score, 4)} for one in transcript.nbest],
        "words": [_word(word) for word in transcript.words],
        "names": [
            {
                "kind": name.kind,
                "written": name.written,
                "id": name.id,
                "start": round(name.start, 3),
                "end": round(name.end, 3),
            }
            for name in transcript.names
        ],
        "partials": [
            {"text": known.text, "time": round(known.time, 3), "settled": known.settled}
            for known in transcript.partials
        ],
        "speculative": transcript.speculative and _known(transcript.speculative),
        "revised": transcript.revised,
        "final": _known(transcript.final),
        "intent": None,
        "compute_seconds": round(transcript.compute_seconds, 4),
        "segments": [_segment(segment, written=written) for segment in transcript.segments],
    }
    if written:
        content["written"] = " ".join(segment.written for segment in transcript.segments)
    return content


def _word(word: Word) -> dict[str, Any]:
    return {
        "word": word.word,
        "start": round(word.start, 3),
        "end": round(word.end, 3),
        "confidence": round(word.confidence, 4),
    }


def _segment(segment: SegmentSummary, *, written: bool) -> dict[str, Any]:
    content = {
        "text": segment.text,
        "start": round(segment.start, 3),
        "end": round(segment.end, 3),
        "speculative": segment.speculative and _known(segment.speculative),
        "revised": segment.revised,
        "final": _known(segment.final),
    }
    return content | ({"written": segment.written} if written else {})


def _known(known: Known) -> dict[str, Any]:
    return {"text": known.text, "time": round(known.time, 3)}
