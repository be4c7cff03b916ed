"""The written form of a result: capitals, punctuation, digits and names."""

from __future__ import annotations

import numpy as np
import pytest

from auricle.audio.file import read_recording
from auricle.audio.format import SAMPLE_RATE
from auricle.compute.budget import Budget
from auricle.config import Config
from auricle.context.entries import Context, Entry
from auricle.lattice.lattice import Arc, Lattice
from auricle.lattice.result import RecognizedName, Result, Word
from auricle.recognizer.recognizer import Recognizer
from auricle.recognizer.written_form import punctuated_text, punctuated_words, written_form
from auricle.service.assembly import load_models
from testbed.recordings import Recording


@pytest.fixture(scope="module")
def recognizer() -> Recognizer:
    return load_models(Config(), Budget(threads=1, beam=4), wake=False).recognizer


def heard(recognizer: Recognizer, recording: Recording, *names: str) -> Result:
    context = Context(tuple(Entry("media", name) for name in names))
    biasing = recognizer.biasing_of(context) if names else None
    state, _ = recognizer.step(
        recognizer.initial_state(biasing=biasing), read_recording(recording.path)
    )
    state, _ = recognizer.look_ahead(state)
    return recognizer.result(state)


def test_capitals_and_punctuation_of_the_second_pass_are_kept(
    recognizer: Recognizer, recordings: dict[str, Recording]
) -> None:
    result = heard(recognizer, recordings["must_sleep"])
    assert result.text == "you must sleep he urged"
    assert written_form(result) == "You must sleep, he urged."


def test_names_are_written_as_in_the_context(
    recognizer: Recognizer, recordings: dict[str, Recording]
) -> None:
    result = heard(recognizer, recordings["mcveigh"], "McVeigh!")
    assert result.text == "mister mcveigh told me about him"
    assert written_form(result) == "Mr. McVeigh! told me about him."


def test_segments_are_joined(recognizer: Recognizer, recordings: dict[str, Recording]) -> None:
    clip = read_recording(recordings["must_sleep"].path)
    pause = np.zeros(SAMPLE_RATE, np.int16)
    state = recognizer.initial_state()
    for _ in range(8):  # more than a segment
        state, _ = recognizer.step(state, np.concatenate([clip, pause]))
    state, _ = recognizer.look_ahead(state)
    result = recognizer.result(state)
    assert len(result.punctuated.split()) == len(result.text.split())
    assert written_form(result).startswith("You must sleep, he urged")


def test_without_a_second_pass_there_are_digits_and_the_first_capital() -> None:
    text = "set a timer for twenty five minutes"
    lattice = Lattice(2, (Arc(0, 1, "x", 0.0, 0.0, 0.0, 1.0),))
    assert written_form(Result(text, (), (), lattice)) == "Set a timer for 25 minutes"
    assert written_form(Result("", (), (), lattice)) == ""


def test_a_name_of_several_words_keeps_the_punctuation_after_it() -> None:
    plain = ["turn", "on", "bat", "cave", "now"]
    words = [Word(word, float(n), n + 0.5, 1.0) for n, word in enumerate(plain)]
    name = RecognizedName("appliances", "BatCave", "", 2.0, 3.5)
    parts = punctuated_words("Turn on bat-cave, now.", plain)
    assert parts is not None
    assert punctuated_text(parts, plain, words, [name]) == "Turn on BatCave, now."


def test_text_that_does_not_match_is_not_used() -> None:
    assert punctuated_words("Turn on.", ["turn", "it", "on"]) is None
