"""Schema of the messages between daemon and relay, and so of everything that leaves the device.

A `Question` is a lattice of at most 96 arcs, with words from the alphabet of its language and with
scores and times as small integers. An `Answer` is a list of hypotheses of that lattice. Both
processes validate every message; an error names the field.

A message has exactly one canonical encoding: decoding checks that encoding gives the same bytes, so
that white space, order and number formats carry no information. `most_bits` is the capacity of a
question if all its fields were misused. With one question per ten seconds (rate_limit.py) that is
under 700 bit/s in the long run; the speech codec Opus needs 6000 bit/s.
"""

from __future__ import annotations

import json
import math
import re
from dataclasses import dataclass
from typing import Any

from auricle.errors import MalformedError, RefusedError
from auricle.parsing.json_text import parse_json
from auricle.parsing.limits import Limits

VERSION = 1
MOST_BYTES = 4096  # of a question
MOST_ANSWER_BYTES = 16 * 1024
MOST_SESSION = 65535
MOST_ARCS = 96
MOST_WORDS = 96  # distinct ones
LONGEST_WORD = 24  # letters
MOST_LETTERS = 480  # of all distinct words together
SCORES = range(-200, 56)  # tenths of a nat; lower scores are clamped to -20 nats
STARTS = range(1201)  # tenths of a second since the first word, up to the longest session
DURATIONS = range(16)  # tenths of a second; longer words are clamped to 1.5 s
CLASSES = ("", "contact", "appliance", "media", "name")  # kind of the name that a word belongs to
ALPHABETS = {"en": "abcdefghijklmnopqrstuvwxyz"}  # language -> letters that its recogniser emits
MARKS = "'-"  # allowed in words, never two in a row
LONGEST_RUN = 3  # of the same letter
MOST_CONSONANTS = 6  # in a row, as in "catchphrase"; random letters have more
VOWELS = "aeiouy"
MOST_READINGS = 16
LONGEST_READING = MOST_LETTERS * 4  # characters
MOST_READING_SCORE = 9999.0  # nats, positive or negative

_LIMITS = Limits(bytes=MOST_ANSWER_BYTES, depth=3)
_LOCALE = re.compile(r"[a-z]{2}(-[A-Z]{2})?")
_TEXT = re.compile(r"[a-z'-]+( [a-z'-]+)*")
_FAULT = re.compile(r"[a-z]{1,20}(-[a-z]{1,20}){0,3}")


@dataclass(frozen=True, slots=True, order=True)
class WireArc:
    """One word between two states; all fields are integers."""

    source: int
    target: int  # greater than source
    word: int  # index into Question.words
    score: int  # acoustic plus graph score in tenths of a nat, in SCORES
    start: int  # tenths of a second since the first word, in STARTS
    duration: int  # tenths of a second, in DURATIONS
    label: int  # index into CLASSES


@dataclass(frozen=True, slots=True)
class Question:
    """A lattice for the reranker."""

    session: int  # random per question, so that nobody outside can link two questions
    locale: str  # BCP 47, such as en or en-GB
    words: tuple[str, ...]  # distinct, sorted
    arcs: tuple[WireArc, ...]  # sorted; state 0 is the start, the highest target the end

    def __post_init__(self) -> None:
        """Raise RefusedError for a violation of the schema."""
        _check_integer("session", self.session, range(1, MOST_SESSION + 1))
        _check_locale(self.locale)
        _check_words(self.words, ALPHABETS[self.locale[:2]])
        _check_arcs(self.arcs, len(self.words))
        if {arc.word for arc in self.arcs} != set(range(len(self.words))):
            raise RefusedError("words: one of them is on no arc; remove it")

    @property
    def final(self) -> int:
        """Number of the final state."""
        return max(arc.target for arc in self.arcs)


@dataclass(frozen=True, slots=True)
class LatticeReading:
    """One hypothesis of the reranker."""

    text: str  # words separated by single spaces
    score: float  # of the reranker, in nats, two decimal places

    def __post_init__(self) -> None:
        """Raise RefusedError for an invalid text or score."""
        if not _TEXT.fullmatch(self.text):
            raise RefusedError("text: must be words separated by single spaces")
        if len(self.text) > LONGEST_READING:
            raise RefusedError(f"text: has more than {LONGEST_READING} characters; shorten it")
        if not abs(self.score) <= MOST_READING_SCORE:
            raise RefusedError(f"score: must be a number of at most {MOST_READING_SCORE:g}")
        if round(self.score, 2) != self.score:
            raise RefusedError("score: must have at most two decimal places")


@dataclass(frozen=True, slots=True)
class Answer:
    """Answer of the reranker: hypotheses, best first, or the name of a fault."""

    session: int  # that of the question
    readings: tuple[LatticeReading, ...]
    fault: str = ""  # what went wrong; empty if nothing. There may be hypotheses all the same

    def __post_init__(self) -> None:
        """Raise RefusedError for a violation of the schema."""
        _check_integer("session", self.session, range(1, MOST_SESSION + 1))
        if len(self.readings) > MOST_READINGS:
            raise RefusedError(f"readings: are more than {MOST_READINGS}; send only the best")
        if len({reading.text for reading in self.readings}) != len(self.readings):
            raise RefusedError("readings: one of them is there twice; send each once")
        if self.fault and not _FAULT.fullmatch(self.fault):
            raise RefusedError("fault: must be a name of lower-case letters and hyphens, or empty")


def encode_question(question: Question) -> bytes:
    """Return the canonical encoding of a question; raises RefusedError if it is too long."""
    arcs = [
        [arc.source, arc.target, arc.word, arc.score, arc.start, arc.duration, arc.label]
        for arc in question.arcs
    ]
    data = _compact(
        {
            "version": VERSION,
            "session": question.session,
            "locale": question.locale,
            "words": question.words,
            "arcs": arcs,
        }
    )
    if len(data) > MOST_BYTES:
        raise RefusedError(
            f"question: has {len(data)} bytes, at most {MOST_BYTES} are allowed; prune it"
        )
    return data


def decode_question(data: bytes) -> Question:
    """Decode a question; raises RefusedError, which names the field.

    The error contains no text of the message, because that may be a transcript.
    """
    content = _read(data, MOST_BYTES, ("version", "session", "locale", "words", "arcs"))
    words, arcs = content["words"], content["arcs"]
    if not isinstance(words, list) or not isinstance(arcs, list):
        raise RefusedError("words, arcs: must be lists")
    fields = len(WireArc.__match_args__)
    if not all(isinstance(arc, list) and len(arc) == fields for arc in arcs):
        raise RefusedError(f"arcs: each must be a list of {fields} integers")
    question = Question(
        content["session"], content["locale"], tuple(words), tuple(WireArc(*arc) for arc in arcs)
    )
    _check_canonical(data, encode_question(question))
    return question


def encode_answer(answer: Answer) -> bytes:
    """Return the canonical encoding of an answer; raises RefusedError if it is too long."""
    data = _compact(
        {
            "version": VERSION,
            "session": answer.session,
            "readings": [[reading.text, reading.score] for reading in answer.readings],
            "fault": answer.fault,
        }
    )
    if len(data) > MOST_ANSWER_BYTES:
        raise RefusedError(
            f"answer: has {len(data)} bytes, at most {MOST_ANSWER_BYTES} are allowed; "
            "send fewer readings"
        )
    return data


def decode_answer(data: bytes) -> Answer:
    """Decode an answer; raises RefusedError, which names the field."""
    content = _read(data, MOST_ANSWER_BYTES, ("version", "session", "readings", "fault"))
    fault = content["fault"]
    if not isinstance(fault, str):
        raise RefusedError("fault: must be a name of lower-case letters and hyphens, or empty")
    readings = tuple(LatticeReading(*pair) for pair in pairs_of(content["readings"]))
    answer = Answer(content["session"], readings, fault)
    _check_canonical(data, encode_answer(answer))
    return answer


def pairs_of(readings: object) -> list[tuple[str, float]]:
    """Return the (text, score) pairs of a JSON list; raises RefusedError for any other value."""
    if not isinstance(readings, list):
        raise RefusedError("readings: must be a list")
    for pair in readings:
        if not isinstance(pair, list) or len(pair) != 2:
            raise RefusedError("readings: each must be a list of a text and a score")
        if not isinstance(pair[0], str) or not isinstance(pair[1], float):
            raise RefusedError("readings: each must be a text and a number with a decimal point")
    return [(text, score) for text, score in readings]


def find_path(question: Question, text: str) -> tuple[int, ...] | None:
    """Return the best path of a text through a lattice as arc indices, or None."""
    # state -> (score, arcs) of the best path there that spells the words so far
    reached: dict[int, tuple[int, tuple[int, ...]]] = {0: (0, ())}
    leaving: dict[int, list[int]] = {}
    for index, arc in enumerate(question.arcs):
        leaving.setdefault(arc.source, []).append(index)
    for word in text.split():
        onward: dict[int, tuple[int, tuple[int, ...]]] = {}
        for state, (score, path) in reached.items():
            for index in leaving.get(state, ()):
                arc = question.arcs[index]
                if question.words[arc.word] != word:
                    continue
                total = score + arc.score
                if arc.target not in onward or total > onward[arc.target][0]:
                    onward[arc.target] = (total, (*path, index))
        reached = onward
    found = reached.get(question.final)
    return None if found is None else found[1]


def most_bits() -> float:
    """Return the capacity of a question in bits, if all its fields were misused."""
    words = MOST_LETTERS * math.log2(max(map(len, ALPHABETS.values())) + len(MARKS))
    lengths = MOST_WORDS * math.log2(LONGEST_WORD)
    states = MOST_ARCS + 1
    arc = (
        math.log2(states * (states - 1) / 2)
        + math.log2(MOST_WORDS)
        + math.log2(len(SCORES))
        + math.log2(len(STARTS))
        + math.log2(len(DURATIONS))
        + math.log2(len(CLASSES))
    )
    locale = math.log2(len(ALPHABETS) * (1 + 26 * 26))
    return math.log2(MOST_SESSION) + locale + words + lengths + MOST_ARCS * arc


def _compact(content: dict[str, Any]) -> bytes:
    return json.dumps(content, ensure_ascii=True, separators=(",", ":")).encode("ascii")


def _read(data: bytes, most: int, fields: tuple[str, ...]) -> dict[str, Any]:
    """Return the JSON object of a message after checking size, fields and version."""
    if len(data) > most:
        raise RefusedError(f"message: has {len(data)} bytes, at most {most} are allowed; send less")
    try:
        if not data.isascii():
            raise RefusedError("message: must be JSON in ASCII")
        content = parse_json(data, _LIMITS)
    except MalformedError:
        raise RefusedError("message: must be JSON in ASCII") from None
    if not isinstance(content, dict) or tuple(content) != fields:
        raise RefusedError(f"message: must be an object with the fields {', '.join(fields)}")
    if content["version"] != VERSION or isinstance(content["version"], bool):
        raise RefusedError(f"version: must be {VERSION}; install the same version at both ends")
    return content


def _check_canonical(given: bytes, canonical: bytes) -> None:
    if given != canonical:
        raise RefusedError(
            "message: must be in its canonical encoding, without white space or another order"
        )


def _check_integer(field: str, value: object, allowed: range) -> None:
    if isinstance(value, bool) or not isinstance(value, int) or value not in allowed:
        raise RefusedError(
            f"{field}: must be an integer from {allowed.start} to {allowed.stop - 1}"
        )


def _check_locale(locale: object) -> None:
    if not isinstance(locale, str) or not _LOCALE.fullmatch(locale) or locale[:2] not in ALPHABETS:
        raise RefusedError(f"locale: must be one of the languages {', '.join(ALPHABETS)}")


def _check_words(words: tuple[object, ...], alphabet: str) -> None:
    if not 1 <= len(words) <= MOST_WORDS:
        raise RefusedError(f"words: must be 1 to {MOST_WORDS}, not {len(words)}; prune the lattice")
    texts = [word for word in words if isinstance(word, str)]
    for index, word in enumerate(words):
        if not isinstance(word, str) or not is_word(word, alphabet):
            raise RefusedError(
                f"words[{index}]: must be a word of 1 to {LONGEST_WORD} of the letters a to z, "
                "apostrophes and hyphens"
            )
    if sum(map(len, texts)) > MOST_LETTERS:
        raise RefusedError(f"words: have more than {MOST_LETTERS} letters; prune the lattice")
    if texts != sorted(set(texts)):
        raise RefusedError("words: must be distinct and sorted")


def is_word(text: str, alphabet: str) -> bool:
    """Return whether a text could be a word of a language rather than random letters."""
    if not 1 <= len(text) <= LONGEST_WORD or not set(text) <= {*alphabet, *MARKS}:
        return False
    if set(text) <= set(MARKS) or any(a + b in text for a in MARKS for b in MARKS):
        return False
    same = consonants = 0
    for index, letter in enumerate(text):
        same = same + 1 if index and text[index - 1] == letter else 1
        consonants = 0 if letter in VOWELS or letter in MARKS else consonants + 1
        if same > LONGEST_RUN or consonants > MOST_CONSONANTS:
            return False
    return True


def _check_arcs(arcs: tuple[WireArc, ...], words: int) -> None:
    if not 1 <= len(arcs) <= MOST_ARCS:
        raise RefusedError(f"arcs: must be 1 to {MOST_ARCS}, not {len(arcs)}; prune the lattice")
    allowed = {
        "source": range(MOST_ARCS),
        "target": range(1, MOST_ARCS + 1),
        "word": range(words),
        "score": SCORES,
        "start": STARTS,
        "duration": DURATIONS,
        "label": range(len(CLASSES)),
    }
    for index, arc in enumerate(arcs):
        for field, numbers in allowed.items():
            _check_integer(f"arcs[{index}].{field}", getattr(arc, field), numbers)
        if arc.target <= arc.source:
            raise RefusedError(f"arcs[{index}].target: must be greater than its source")
    if list(arcs) != sorted(arcs):
        raise RefusedError("arcs: must be sorted")
    _check_connected(arcs)


def _check_connected(arcs: tuple[WireArc, ...]) -> None:
    """Raise RefusedError for a state that lies on no path from start to end."""
    final = max(arc.target for arc in arcs)
    entered = {arc.target for arc in arcs} | {0}
    left = {arc.source for arc in arcs} | {final}
    if entered != left or entered != set(range(final + 1)):
        raise RefusedError("arcs: must enter and leave each state between start and end")
