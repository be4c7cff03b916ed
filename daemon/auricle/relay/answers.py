"""What a reranker says, checked against what it was asked: readings of that lattice, or a fault.

In: the body of an HTTP answer, from a server that may lie. Out: an `Answer` of the wire schema. A
reading that is not in the lattice is dropped, so that no word can come in from outside.

The body is JSON, `{"version": 1, "session": 7, "readings": [["call contact-a", -3.25], ...]}`, best
first; other fields are left alone.
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
    """Why there is no answer, or not all of it."""

    UNREACHABLE = "unreachable"  # no such host, or nobody listens there
    CERTIFICATE = "wrong-certificate"
    LATE = "too-late"  # the budget was over
    BUSY = "busy"  # it says so, and said so again
    STATUS = "wrong-status"  # neither good nor busy: a redirection, or it knows us not
    FORM = "no-answer-in-it"  # a web page of a captive portal, or JSON of another form
    LARGE = "too-large"
    VERSION = "wrong-version"
    SESSION = "of-another-question"
    RATE = "too-many"  # questions came than may leave; this one did not
    FOREIGN = "not-in-the-lattice"  # readings that nobody said; those were dropped


def read_body(question: Question, body: bytes) -> Answer:
    """Return what the body of an answer says of a question."""
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
    """Return pairs whose scores all have a fraction; JSON may leave it out of whole numbers."""
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
