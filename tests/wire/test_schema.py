"""Only lattices pass the wire schema, and they cannot carry audio."""

from __future__ import annotations

import base64
import json
import os
import string
from dataclasses import replace

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from auricle.errors import RefusedError
from auricle.wire import schema
from auricle.wire.rate_limit import SECONDS_EACH
from auricle.wire.schema import (
    ALPHABETS,
    CLASSES,
    DURATIONS,
    MOST_BYTES,
    SCORES,
    STARTS,
    Answer,
    LatticeReading,
    Question,
    WireArc,
    decode_answer,
    decode_question,
    encode_answer,
    encode_question,
    find_path,
    is_word,
    most_bits,
)

WORDS = st.text("abcdefghijklmnopqrstuvwxyz'-", min_size=1, max_size=12).filter(
    lambda text: is_word(text, ALPHABETS["en"])
)
QUESTION = Question(
    7,
    "en",
    ("call", "contact-a", "cool"),
    (
        WireArc(0, 1, 0, -5, 0, 3, 0),
        WireArc(0, 1, 2, -15, 0, 3, 0),
        WireArc(1, 2, 1, -2, 3, 4, 1),
    ),
)
DATA = encode_question(QUESTION)


@st.composite
def questions(draw: st.DrawFn) -> Question:
    words = sorted(draw(st.sets(WORDS, min_size=1, max_size=20)))
    arcs = []
    for state in range(draw(st.integers(1, 10))):
        for _ in range(draw(st.integers(1, 3))):
            arcs.append(
                WireArc(
                    state,
                    state + 1,
                    draw(st.integers(0, len(words) - 1)),
                    draw(st.sampled_from(SCORES)),
                    draw(st.sampled_from(STARTS)),
                    draw(st.sampled_from(DURATIONS)),
                    draw(st.sampled_from(range(len(CLASSES)))),
                )
            )
    used = sorted({arc.word for arc in arcs})
    arcs = sorted(replace(arc, word=used.index(arc.word)) for arc in arcs)
    session = draw(st.integers(1, 65535))
    return Question(session, "en-GB", tuple(words[index] for index in used), tuple(arcs))


def refuse(data: bytes) -> str:
    with pytest.raises(RefusedError) as refused:
        decode_question(data)
    with pytest.raises(RefusedError):
        decode_answer(data)
    return str(refused.value)


@given(questions())
def test_question_survives_a_round_trip(question: Question) -> None:
    data = encode_question(question)
    assert len(data) <= MOST_BYTES
    assert decode_question(data) == question


@given(
    st.lists(
        st.builds(
            LatticeReading,
            st.lists(WORDS, min_size=1, max_size=6).map(" ".join),
            st.floats(-9999, 9999).map(lambda score: round(score, 2)),
        ),
        max_size=16,
        unique_by=lambda reading: reading.text,
    ),
    st.sampled_from(["", "too-late", "busy"]),
)
def test_answer_survives_a_round_trip(readings: list[LatticeReading], fault: str) -> None:
    answer = Answer(3, tuple(readings), fault)
    assert decode_answer(encode_answer(answer)) == answer


@given(st.binary(max_size=2 * MOST_BYTES))
def test_bytes_are_refused(data: bytes) -> None:
    refuse(data)


@given(questions(), st.binary(min_size=24, max_size=600), st.sampled_from(["b64", "b32", "hex"]))
def test_blob_in_place_of_words_is_refused(
    question: Question, sound: bytes, form: str
) -> None:
    text = {
        "b64": base64.b64encode(sound).decode(),
        "b32": base64.b32encode(sound).decode().lower(),
        "hex": sound.hex(),
    }[form]
    content = json.loads(encode_question(question))
    content["words"][0] = text
    refuse(json.dumps(content, separators=(",", ":")).encode())


@given(questions(), st.lists(st.integers(-32768, 32767), min_size=160, max_size=600))
def test_list_of_samples_is_refused_in_any_field(
    question: Question, samples: list[int]
) -> None:
    for place in ("session", "locale", "words", "arcs", "audio"):
        content = json.loads(encode_question(question))
        content[place] = samples
        refuse(json.dumps(content, separators=(",", ":")).encode())
    content = json.loads(encode_question(question))
    content["arcs"][0] = samples
    refuse(json.dumps(content, separators=(",", ":")).encode())


@given(questions(), st.data())
def test_a_number_out_of_its_range_or_with_a_fraction_is_refused(
    question: Question, data: st.DataObject
) -> None:
    content = json.loads(encode_question(question))
    arc = data.draw(st.integers(0, len(question.arcs) - 1))
    field = data.draw(st.integers(0, 6))
    wrong = data.draw(
        st.one_of(st.integers(1202), st.integers(max_value=-201), st.floats(), st.booleans())
    )
    content["arcs"][arc][field] = wrong
    refuse(json.dumps(content, separators=(",", ":")).encode())


@given(questions(), st.integers(0, MOST_BYTES), st.integers(1, 255))
def test_changed_byte_gives_another_question_or_an_error(
    question: Question, place: int, change: int
) -> None:
    data = bytearray(encode_question(question))
    assume(place < len(data))
    data[place] ^= change
    try:
        read = decode_question(bytes(data))
    except RefusedError:
        return
    assert read != question
    assert encode_question(read) == bytes(data)


@pytest.mark.parametrize(
    ("data", "named"),
    [
        (DATA + b" ", "message: must be in its canonical encoding"),
        (DATA.replace(b",", b", ", 1), "message: must be in its canonical encoding"),
        (DATA.replace(b'"version":1', b'"version":2'), "version: must be 1"),
        (
            DATA.replace(b'"version":1', b'"version":1.0'),
            "message: must be in its canonical encoding",
        ),
        (DATA.replace(b'"session":7', b'"session":0'), "session: must be an integer from 1"),
        (DATA.replace(b'"session":7', b'"session":7e0'), "session: must be an integer"),
        (DATA.replace(b'"en"', b'"de"'), "locale: must be one of the languages en"),
        (DATA.replace(b'"call"', b'"Call"'), "words[0]: must be a word"),
        (DATA.replace(b'"call"', b'"call me"'), "words[0]: must be a word"),
        (DATA.replace(b'"call"', b'"bcdfghjk"'), "words[0]: must be a word"),
        (DATA.replace(b'"call"', b'"caaaall"'), "words[0]: must be a word"),
        (DATA.replace(b'"call"', b'"zoo"'), "words: must be distinct and sorted"),
        (DATA.replace(b"[0,1,0,", b"[1,0,0,"), "arcs[0].target: must be an integer from 1"),
        (DATA.replace(b"[1,2,1,", b"[1,3,1,"), "arcs: must enter and leave each state"),
        (DATA.replace(b"[0,1,2,-15", b"[0,1,0,-1"), "words: one of them is on no arc"),
        (DATA.replace(b'"arcs"', b'"audio"'), "message: must be an object with the fields"),
        (DATA[:-1] + b',"audio":"x"}', "message: must be an object with the fields"),
        (b"[" * 100_000, "message: has 100000 bytes, at most 4096 are allowed"),
        (b"[" * 4000, "message: must be JSON in ASCII"),
        (b"", "message: must be JSON in ASCII"),
    ],
)
def test_error_names_the_fault_without_the_content(data: bytes, named: str) -> None:
    told = refuse(data)
    assert told.startswith(named)
    assert "call" not in told.replace("call me", "")


def test_encoded_audio_seldom_passes_as_words() -> None:
    letters = string.ascii_lowercase
    blobs = ["".join(letters[byte % 26] for byte in os.urandom(24)) for _ in range(2000)]
    assert sum(is_word(blob, letters) for blob in blobs) < 0.6 * len(blobs)
    for word in ("catchphrase", "strengths", "rhythm", "o'clock", "twenty-one", "i", "brrr"):
        assert is_word(word, letters)


def test_total_number_of_letters_is_limited() -> None:
    words = tuple(sorted(f"banana{a}o{b}o" for a in "bcdfglmnpr" for b in "bcdfglmnpr"))[:60]
    arcs = tuple(sorted(WireArc(n, n + 1, n, 0, n, 1, 0) for n in range(len(words))))
    with pytest.raises(RefusedError, match="more than 480 letters"):
        Question(1, "en", words, arcs)


def test_covert_channel_is_a_ninth_of_the_lowest_speech_bit_rate() -> None:
    """Assume that every field is misused; PCM needs 256,000 bit/s, Opus at least 6,000."""
    bits_a_second = most_bits() / SECONDS_EACH
    print(f"\nmost bits a message: {most_bits():.0f}; a second: {bits_a_second:.0f}")
    assert bits_a_second < 700


def test_largest_question_fits_and_its_capacity_is_bounded() -> None:
    letters = schema.MOST_LETTERS // schema.MOST_WORDS
    vowels, others = "aeiou", "bcdfg"
    words = sorted({a + v + b + w + c for a in others for v in vowels for b in others
                    for w in vowels for c in others})[: schema.MOST_WORDS]  # fmt: skip
    assert len(words[0]) == letters
    arcs = tuple(WireArc(n, n + 1, n, -200, 1200, 15, 4) for n in range(schema.MOST_ARCS))
    data = encode_question(Question(65535, "en-GB", tuple(words), arcs))
    assert decode_question(data).arcs == arcs
    assert len(data) <= MOST_BYTES
    assert most_bits() / 8 < len(data)  # the JSON is larger than its information


@pytest.mark.parametrize(
    ("text", "path"),
    [
        ("call contact-a", (0, 2)),
        ("cool contact-a", (1, 2)),
        ("call", None),
        ("contact-a", None),
        ("call contact-a now", None),
        ("", None),
    ],
)
def test_only_readings_of_the_lattice_have_a_path(text: str, path: tuple[int, ...] | None) -> None:
    assert find_path(QUESTION, text) == path


@pytest.mark.parametrize(
    ("answer", "named"),
    [
        (b'{"version":1,"session":7,"readings":[["a",-1]],"fault":""}', "readings: each must be"),
        (b'{"version":1,"session":7,"readings":[["a",-1.123]],"fault":""}', "score: must have"),
        (b'{"version":1,"session":7,"readings":[["a",NaN]],"fault":""}', "message: must be"),
        (b'{"version":1,"session":7,"readings":[["A",-1.0]],"fault":""}', "text: must be words"),
        (b'{"version":1,"session":7,"readings":[["a",-1.0],["a",-2.0]],"fault":""}', "readings: "),
        (b'{"version":1,"session":7,"readings":[],"fault":"<script>"}', "fault: must be a name"),
        (b'{"version":1,"session":7,"readings":{},"fault":""}', "readings: must be a list"),
    ],
)
def test_error_names_the_fault_of_an_answer(answer: bytes, named: str) -> None:
    with pytest.raises(RefusedError) as refused:
        decode_answer(answer)
    assert str(refused.value).startswith(named)
