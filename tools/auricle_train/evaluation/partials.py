"""What a person who reads along sees: how steady partial results are, and how much is settled.

In: what sessions told, and what was said. Out: how often a shown word was taken back, the word
errors of the last text before the end, and whether settled words stand in the final text.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import pairwise

from auricle.offline.transcription import KnownPartial, Transcription
from auricle.recognizer.partial_text import common_prefix
from auricle_train.evaluation.listening import Heard
from auricle_train.text.word_errors import Score, Share, compare, score, share


@dataclass(frozen=True)
class Partials:
    """The partial results of some sessions."""

    told: int  # texts
    taken_back: Share  # texts after the first that change or take back a word of the one before
    last: Score  # word errors of the last one of each session; of an empty text if there was none
    settled: Share  # words of the last ones that were settled
    kept: Share  # settled words up to which the final text is the same


def judge_partials(heard: Sequence[Heard]) -> Partials:
    """Return what the partial results of sessions are worth."""
    texts = [texts_of(one.session) for one in heard]
    changes = [change for told in texts for change in pairwise(told)]
    ends = [one.session.partials[-1] if one.session.partials else None for one in heard]
    return Partials(
        told=sum(map(len, texts)),
        taken_back=share(before != after[: len(before)] for before, after in changes),
        last=score([
            compare(one.clip.text, end.text if end else "")
            for one, end in zip(heard, ends, strict=True)
        ]),
        settled=share(
            place < end.settled for end in ends if end for place in range(len(end.text.split()))
        ),
        kept=share(
            stands
            for one, end in zip(heard, ends, strict=True)
            if end
            for stands in _kept(end, one.session.final.text.split())
        ),
    )  # fmt: skip


def texts_of(session: Transcription) -> list[list[str]]:
    """Return the words of each partial text, without those that only settle more of one."""
    told: list[list[str]] = []
    for known in session.partials:
        words = known.text.split()
        if not told or words != told[-1]:
            told.append(words)
    return told


def settling_delays(session: Transcription) -> list[float]:
    """Return for each word of the final text that a partial settled the seconds from its end."""
    return [
        min(times) - word.end
        for place, word in enumerate(session.result.words)
        if (times := list(_settled(session, place, word.word)))
    ]


def _settled(session: Transcription, place: int, word: str) -> Iterator[float]:
    for known in session.partials:
        if place < known.settled and known.text.split()[place] == word:
            yield known.time


def _kept(end: KnownPartial, final: Sequence[str]) -> Iterator[bool]:
    """Yield for each settled word whether the final text agrees up to it."""
    agreed = common_prefix(end.text.split()[: end.settled], final)
    yield from (place < agreed for place in range(end.settled))
