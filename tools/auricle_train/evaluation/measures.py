"""Computes the statistics of an evaluation: word errors, lost words, delays, speed.

In: the results of recordings. Out: table rows, with 95 % intervals.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from auricle_train.evaluation.emission import emission_delays
from auricle_train.evaluation.listening import Heard
from auricle_train.evaluation.partials import settling_delays
from auricle_train.text.word_errors import RESAMPLES, Errors, Score, Share, compare, score, share

WHOLE, SESSION = "whole", "session"  # readers, as the peers are
LENGTHS = ((1, 1), (2, 4), (5, 8), (9, 15), (16, None))  # ranges of words per utterance
SPEAKER_WORDS = 30  # minimum words for a speaker's own word error rate


@dataclass(frozen=True)
class Judged:
    """The errors of all readers in one recording."""

    speaker: str
    words: int
    errors: Mapping[str, Errors]  # by reader


@dataclass(frozen=True)
class Row:
    """Word error rates of all readers on some recordings."""

    name: str
    utterances: int
    words: int
    scores: Mapping[str, Score]  # by reader


@dataclass(frozen=True)
class Lost:
    """Utterances whose first or last word was deleted."""

    reader: str
    first: Share
    last: Share


@dataclass(frozen=True)
class Delay:
    """Statistics of a delay."""

    name: str
    median: float  # seconds
    ninth: float  # seconds, 90th percentile
    count: int
    low: float  # seconds: 95 % interval of the median, by a bootstrap over sessions
    high: float


@dataclass(frozen=True)
class Endings:
    """How the sessions ended."""

    silent: Share  # without a result
    cut_off: Share  # before the end of speech
    agreed: Share  # whose first speculative result stood


def judge(heard: Heard) -> Judged:
    """Compare the text of each recogniser with the reference."""
    texts = {
        WHOLE: heard.whole.result.text,
        SESSION: heard.session.final.text,
        **{name: told.text for name, told in heard.peers.items()},
    }
    errors = {reader: compare(heard.clip.text, text) for reader, text in texts.items()}
    return Judged(heard.clip.speaker, errors[WHOLE].words, errors)


def row(name: str, judged: Sequence[Judged]) -> Row:
    """Return the word error rates of at least one recording."""
    scores = {reader: score([one.errors[reader] for one in judged]) for reader in judged[0].errors}
    return Row(name, len(judged), scores[WHOLE].words, scores)


def by_length(judged: Sequence[Judged]) -> list[Row]:
    """Return a row for each non-empty range of lengths."""
    rows = []
    for low, high in LENGTHS:
        some = [one for one in judged if low <= one.words <= (high or one.words)]
        name = f"{low} to {high}" if high and high > low else f"{low}" if high else f"{low} or more"
        if some:
            rows.append(row(f"{name} word{'s' if high != 1 else ''}", some))
    return rows


def by_speaker(judged: Sequence[Judged]) -> list[Row]:
    """Return the worst, the median and the best speaker by the whole text; numbers for names."""
    spoken: dict[str, list[Judged]] = {}
    for one in judged:
        if one.speaker:
            spoken.setdefault(one.speaker, []).append(one)
    rows = [
        row(f"speaker {number}", some)
        for number, (_, some) in enumerate(sorted(spoken.items()), 1)
        if sum(one.words for one in some) >= SPEAKER_WORDS
    ]
    rows.sort(key=lambda one: one.scores[WHOLE].rate, reverse=True)
    places = {"worst": 0, "median": len(rows) // 2, "best": len(rows) - 1}
    return [
        Row(f"{kind} of {len(rows)}: {rows[place].name}", *_counts(rows[place]))
        for kind, place in places.items()
        if rows
    ]


def lost(judged: Sequence[Judged]) -> list[Lost]:
    """Return for each recogniser how often it deleted the first and the last word."""
    return [
        Lost(
            reader,
            share(one.errors[reader].first_lost for one in judged),
            share(one.errors[reader].last_lost for one in judged),
        )
        for reader in judged[0].errors
    ]


def delays(heard: Sequence[Heard]) -> list[Delay]:
    """Return how late words, speculative and final results came, where sessions were not cut."""
    kept = [one for one in heard if one.session.final.text and not one.cut_off]
    seconds = {
        "a word, after its end": [emission_delays(one.session) for one in kept],
        "a word settled, after its end": [settling_delays(one.session) for one in kept],
        "speculative, after the end of speech": [
            [one.session.speculative.time - one.end] for one in kept if one.session.speculative
        ],
        "final, after the end of speech": [[one.session.final.time - one.end] for one in kept],
    }
    return [_delay(name, values) for name, values in seconds.items() if any(values)]


def endings(heard: Sequence[Heard]) -> Endings:
    """Return how the sessions ended."""
    return Endings(
        share(not one.session.final.text for one in heard),
        share(one.cut_off for one in heard),
        share(one.agreed for one in heard),
    )


def real_time_factors(heard: Sequence[Heard]) -> dict[str, float]:
    """Return the real-time factor of each recogniser: processor time per second of audio."""
    recorded = sum(one.whole.seconds for one in heard)
    factors = {
        WHOLE: sum(one.whole.compute_seconds for one in heard) / recorded,
        SESSION: sum(one.session.compute_seconds for one in heard)
        / sum(min(one.session.final.time, one.session.seconds) for one in heard),
    }
    for name in heard[0].peers:
        factors[name] = sum(one.peers[name].compute_seconds for one in heard) / recorded
    return factors


def _counts(one: Row) -> tuple[int, int, Mapping[str, Score]]:
    return one.utterances, one.words, one.scores


def _delay(name: str, sessions: Sequence[Sequence[float]]) -> Delay:
    """Return the statistics of delays in several sessions."""
    values = np.concatenate(sessions)
    median, ninth = np.percentile(values, [50, 90])
    lengths = np.array([len(one) for one in sessions])
    generator = np.random.default_rng(0)
    medians = []
    for drawn in generator.integers(0, len(sessions), (RESAMPLES, len(sessions))):
        times_drawn = np.bincount(drawn, minlength=len(sessions))
        medians.append(_weighted_median(values, np.repeat(times_drawn, lengths)))
    low, high = np.nanpercentile(medians, [2.5, 97.5])
    return Delay(name, float(median), float(ninth), len(values), float(low), float(high))


def _weighted_median(values: NDArray[np.float64], weights: NDArray[np.int64]) -> float:
    """Return the median of values with counts; NaN without values."""
    repeated = np.repeat(values, weights)
    return float(np.median(repeated)) if len(repeated) else float("nan")
