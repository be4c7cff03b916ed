"""Parses and checks the HTTP response of a reranker, which is not trusted.

The result is always an `Answer` of the wire schema. Blanks in a hypothesis only separate its words:
how many there are, and which, is not passed on. A hypothesis that is not in the lattice is dropped,
so that the reranker cannot add a word.

The body is JSON, `{"version": 1, "session": 7, "readings": [["call contact-a", -3.25], ...]}`, best
first; other fields are ignored.
"""

from __future__ import annotations

from enum import StrEnum

from auricle.errors import MalformedError, RefusedError
from auricle.parsing.json_text import parse_json
from auricle.parsing.limits import Limits
from auricle.wire.schema import (
    LONGEST_READING,
    MOST_ANSWER_BYTES,
    MOST_READING_SCORE,
    MOST_READINGS,
    VERSION,
    Answer,
    LatticeReading,
    Question,
    encode_answer,
    find_path,
    pairs_of,
)

LIMITS = Limits(bytes=MOST_ANSWER_BYTES, depth=8, nodes=4096)


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
    """Return the answer in the body of a response to `question`; raises nothing."""
    try:
        content = parse_json(body, LIMITS)
        if not isinstance(content, dict):
            return Answer(question.session, (), AnswerFault.FORM)
        if content.get("version") != VERSION:
            return Answer(question.session, (), AnswerFault.VERSION)
        if content.get("session") != question.session:
            return Answer(question.session, (), AnswerFault.SESSION)
        pairs = pairs_of(_with_fractions(content.get("readings")))
        return _known(question, pairs)
    except (MalformedError, RefusedError):
        return Answer(question.session, (), AnswerFault.FORM)


def _known(question: Question, pairs: list[tuple[str, float]]) -> Answer:
    """Return the hypotheses that are in the lattice; of equal ones the first.

    Raises:
        RefusedError: they do not fit into an answer of the wire schema.
    """
    known: dict[str, float] = {}
    foreign = False
    for written, score in pairs:
        text = " ".join(written.split())
        if len(text) > LONGEST_READING or find_path(question, text) is None:
            foreign = True
        else:
            known.setdefault(text, score)
    readings = tuple(
        LatticeReading(text, _rounded(score)) for text, score in list(known.items())[:MOST_READINGS]
    )
    answer = Answer(question.session, readings, AnswerFault.FOREIGN if foreign else "")
    encode_answer(answer)
    return answer


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
