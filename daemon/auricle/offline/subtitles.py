"""Subtitles of a transcript, in the formats SubRip (srt) and WebVTT (vtt).

In: words with times. Out: cues as text. A cue has at most two lines of 42 characters and lasts at
most 7 s, as subtitle guidelines ask (BBC, Netflix). It ends at a pause.
"""

from __future__ import annotations

import textwrap
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace

from auricle.lattice.result import Result, Word
from auricle.recognizer.written_form import punctuated_words

LINE_CHARACTERS = 42
LINES = 2
LONGEST_SECONDS = 7.0
PAUSE_SECONDS = 0.8  # a longer pause ends a cue
VTT_HEADER = "WEBVTT\n\n"
_ESCAPES = str.maketrans({"&": "&amp;", "<": "&lt;", ">": "&gt;"})


@dataclass(frozen=True, slots=True)
class Cue:
    """One subtitle."""

    start: float  # seconds
    end: float  # seconds
    lines: tuple[str, ...]


def subtitle_words(result: Result, *, written: bool) -> tuple[Word, ...]:
    """Return the words of a result, if `written` with capitals and punctuation where possible."""
    parts = punctuated_words(result.punctuated, [word.word for word in result.words])
    if not written or parts is None:
        return result.words
    return tuple(replace(word, word=part) for word, part in zip(result.words, parts, strict=True))


def cues(words: Iterable[Word]) -> Iterator[Cue]:
    """Yield the cues of consecutive words."""
    open_: list[Word] = []
    for word in words:
        if open_ and not _fits(open_, word):
            yield _cue(open_)
            open_ = []
        open_.append(word)
    if open_:
        yield _cue(open_)


def to_srt(cue: Cue, number: int) -> str:
    """Return a cue in SubRip's format; `number` counts from 1."""
    return f"{number}\n{_span(cue, ',')}\n" + "\n".join(cue.lines) + "\n\n"


def to_vtt(cue: Cue) -> str:
    """Return a cue in WebVTT's format, https://www.w3.org/TR/webvtt1/."""
    return f"{_span(cue, '.')}\n" + "\n".join(cue.lines).translate(_ESCAPES) + "\n\n"


def _fits(open_: Sequence[Word], word: Word) -> bool:
    if word.start - open_[-1].end > PAUSE_SECONDS or word.end - open_[0].start > LONGEST_SECONDS:
        return False
    return len(_lines([*open_, word])) <= LINES


def _cue(words: Sequence[Word]) -> Cue:
    return Cue(words[0].start, max(words[-1].end, words[0].start), tuple(_lines(words)))


def _lines(words: Sequence[Word]) -> list[str]:
    text = " ".join(word.word for word in words).replace("- ", "-")
    return textwrap.wrap(text, LINE_CHARACTERS)


def _span(cue: Cue, point: str) -> str:
    return f"{_timestamp(cue.start, point)} --> {_timestamp(cue.end, point)}"


def _timestamp(seconds: float, point: str) -> str:
    milliseconds = round(seconds * 1000)
    minutes, rest = divmod(milliseconds, 60_000)
    hours, minutes = divmod(minutes, 60)
    return f"{hours:02}:{minutes:02}:{rest // 1000:02}{point}{rest % 1000:03}"
