"""Measures the stability of partial results.

In: the texts of sessions and the references. Out: how often a shown word changed, the word errors
of the last partial text, and whether stable words are in the final text.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import pairwise

from auricle.offline.live_clock import KnownPartial, Transcription
from auricle.recognizer.partial_text import common_prefix
from auricle_train.evaluation.listening import Heard
from auricle_train.text.word_errors import Score, Share, compare, score, share


@dataclass(frozen=True)
class Partials:
    """The partial results of some sessions."""

    told: int  # number of partial texts
    taken_back: Share  # partial texts that change or remove a word of the previous one
    last: Score  # word errors of each session's last partial text, or of an empty text
    settled: Share  # stable words in the last partial texts
    kept: Share  # stable words up to which the final text is equal


def judge_partials(heard: Sequence[Heard]) -> Partials:
    """Return the statistics of the partial results of sessions."""
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
    """Return the words of each partial text; skip texts that only mark more words as stable."""
    told: list[list[str]] = []
    for known in session.partials:
        words = known.text.split()
        if not told or words != told[-1]:
            told.append(words)
    return told


def settling_delays(session: Transcription) -> list[float]:
    """Return, for each stable word of the final text, the seconds from its end to stability."""
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
    """Yield for each stable word whether the final text is equal up to it."""
    agreed = common_prefix(end.text.split()[: end.settled], final)
    yield from (place < agreed for place in range(end.settled))
