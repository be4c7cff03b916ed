"""Parses and checks the HTTP response of a reranker, which is not trusted.

The result is an `Answer` of the wire schema. A hypothesis that is not in the lattice is dropped, so
that the reranker cannot add a word.

The body is JSON, `{"version": 1, "session": 7, "readings": [["call contact-a", -3.25], ...]}`, best
first; other fields are ignored.
"""

from __future__ import annotations

import json
import math
from enum import StrEnum

from auricle.errors import RefusedError
from auricle.wire.schema import (
    MOST_READING_SCORE,
    MOST_READINGS,
    VERSION,
    Answer,
    LatticeReading,
    Question,
    find_path,
    pairs_of,
)


class AnswerFault(StrEnum):
    """Why an answer is missing or incomplete."""

    UNREACHABLE = "unreachable"  # no such host, or the connection was refused
    CERTIFICATE = "wrong-certificate"
    LATE = "too-late"  # after the time budget
    BUSY = "busy"  # also after retries
    STATUS = "wrong-status"  # neither OK nor busy: a redirection, or it rejects our credentials
    FORM = "no-answer-in-it"  # no such JSON, for example the page of a captive portal
    LARGE = "too-large"
    VERSION = "wrong-version"
    SESSION = "of-another-question"
    RATE = "too-many"  # rate limit; the question was not sent
    FOREIGN = "not-in-the-lattice"  # hypotheses outside the lattice were dropped


def read_body(question: Question, body: bytes) -> Answer:
    """Return the answer in the body of a response to `question`."""
    try:
        content = json.loads(body)
    except (ValueError, RecursionError):
        return Answer(question.session, (), AnswerFault.FORM)
    if not isinstance(content, dict):
        return Answer(question.session, (), AnswerFault.FORM)
    if content.get("version") != VERSION:
        return Answer(question.session, (), AnswerFault.VERSION)
    if content.get("session") != question.session:
        return Answer(question.session, (), AnswerFault.SESSION)
    try:
        pairs = pairs_of(_with_fractions(content.get("readings")))
    except (RefusedError, OverflowError):
        return Answer(question.session, (), AnswerFault.FORM)
    known = {
        text: score
        for text, score in pairs
        if math.isfinite(score) and find_path(question, text) is not None
    }
    readings = tuple(
        LatticeReading(text, _rounded(score)) for text, score in list(known.items())[:MOST_READINGS]
    )
    return Answer(
        question.session, readings, "" if len(known) == len(pairs) else AnswerFault.FOREIGN
    )


def _with_fractions(readings: object) -> object:
    """Return the pairs with integer scores converted to float, as JSON may omit the fraction."""
    if not isinstance(readings, list):
        return readings
    return [
        [pair[0], float(pair[1])]
        if isinstance(pair, list) and len(pair) == 2 and type(pair[1]) is int
        else pair
        for pair in readings
    ]


def _rounded(score: float) -> float:
    return round(min(max(score, -MOST_READING_SCORE), MOST_READING_SCORE), 2)
