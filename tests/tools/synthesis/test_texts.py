"""Texts for synthesis: transcript and spoken form agree; evaluation data is excluded."""

from __future__ import annotations

import gzip
import json
import re
import shutil
import subprocess
from collections import Counter
from pathlib import Path

import pytest

from auricle.errors import ArgumentError
from auricle_train.__main__ import main
from auricle_train.data.corpus import SPEECH
from auricle_train.data.layouts.utterance import LayoutError
from auricle_train.synthesis.synthesize import Line, read_lines
from auricle_train.synthesis.texts import times
from auricle_train.synthesis.texts.form import LETTER_NAMES, Draw, form, spelled
from auricle_train.synthesis.texts.mixture import SHARES, kinds, texts
from auricle_train.synthesis.texts.numbers import cardinal, digits
from auricle_train.synthesis.texts.sources import Lists, read_lists, unspoken
from auricle_train.text.normalizer import normalize

LISTS = Lists(
    words=["delta", "house", "quiet", "zebra", "window"],
    people=["ann lee", "zoe", "o'neil"],
    places=["lake telemark", "oslo"],
    media=["pacific ocean blues", "uno"],
)
SENTENCES = ["turn the lamp off", "what is this song"]


def draw_texts(count: int, seed: int = 1, **shares: float):
    return list(texts(kinds(LISTS, SENTENCES), shares or SHARES, count, seed))


def test_spelled_letters_are_single_in_the_transcript_and_names_when_spoken() -> None:
    found = form("letters", f"that is {spelled('o_dell')}, at noon", Draw(0))
    assert found.text == "that is o d e l l at noon"
    assert re.sub(",", "", found.say) == "that is oh dee ee ell ell at noon"
    assert found.say.endswith("ell, at noon")


@pytest.mark.skipif(shutil.which("espeak-ng") is None, reason="espeak-ng is not installed")
def test_letter_names_sound_like_the_letters() -> None:
    def phonemes(text: str) -> str:
        words = ["espeak-ng", "-q", "-x", "-v", "en-us", text]
        said = subprocess.run(words, capture_output=True, text=True, check=True).stdout
        return re.sub(r"[^A-Za-z@3]", "", said)

    # Capital letters alone are read as letters; "A" as the word in some versions, hence its own.
    for letter, name in LETTER_NAMES.items():
        expected = "eI" if letter == "A" else phonemes(letter)
        assert phonemes(name) == expected, (letter, name)


def test_two_letters_have_no_pause_between_them() -> None:
    said = {form("time", "seven P M", Draw(seed)).say for seed in range(50)}
    assert said == {"seven pee em"}


def test_speakers_pause_between_letters_or_do_not_and_say_z_in_two_ways() -> None:
    said = {form("letters", "Z O E", Draw(seed)).say for seed in range(100)}
    assert {"zee oh ee", "zed, oh, ee"} <= said


def test_spoken_form_and_transcript_agree_word_by_word() -> None:
    names = {name: letter.lower() for letter, name in LETTER_NAMES.items()} | {"zed": "z"}
    for one in draw_texts(800):
        said = one.say.replace(",", "").replace("double you", "doubleyou").split()
        names["doubleyou"] = "w"
        text = one.text.split()
        assert len(said) == len(text), one
        assert all(
            word in (other, names.get(other)) for word, other in zip(text, said, strict=True)
        )


def test_texts_are_transcripts_in_the_normal_form() -> None:
    drawn = draw_texts(800)
    assert all(one.text == normalize(one.text) for one in drawn)
    assert len({one.text for one in drawn}) == len(drawn)
    counts = Counter(one.kind for one in drawn)
    assert set(counts) == set(SHARES)
    assert counts["names"] > counts["mail"]


def test_a_seed_repeats_and_a_longer_table_starts_with_the_shorter() -> None:
    few, many, other = draw_texts(50), draw_texts(80), draw_texts(50, seed=2)
    assert many[: len(few)] == few
    assert other != few


def test_unknown_kinds_are_named() -> None:
    with pytest.raises(ArgumentError, match=r"kinds: 'songs' is not one of letters, "):
        draw_texts(1, songs=1.0)


@pytest.mark.parametrize(
    ("number", "said"),
    [(0, "zero"), (42, "forty two"), (1984, "one thousand nine hundred eighty four")],
)
def test_numbers_are_words(number: int, said: str) -> None:
    assert cardinal(number) == said


def test_digits_are_said_one_by_one_or_doubled() -> None:
    said = {digits("5507", Draw(seed)) for seed in range(60)}
    assert said == {
        "five five zero seven", "double five zero seven",
        "five five oh seven", "double five oh seven",
    }  # fmt: skip


def test_times_are_those_of_the_clock() -> None:
    said = {times.clock(Draw(seed)) for seed in range(3000)}
    assert {"half past seven", "quarter to one", "nine o'clock", "ten oh five P M", "noon"} <= said
    assert not any(re.search(r"\bzero past|sixty", one) for one in said)


@pytest.fixture
def data(tmp_path: Path) -> Path:
    """A data folder with a few sentences, of which one is spoken already."""
    header = "id\tlanguage\ttext\tsplit\tlicence\n"
    for name in SPEECH:
        (tmp_path / f"{name}.tsv").write_text(header)
    rows = "a\ten\tplay heather\ttrain\tApache-2.0\nb\ten\tdim the hall lamp\tdev\tApache-2.0\n"
    (tmp_path / "synthetic_kokoro.tsv").write_text(header + rows)
    (tmp_path / "text").mkdir()
    sentences = ("play heather", "dim the hall lamp", "book a table", "call ann", "call ann")
    lines = "".join(f"tmpl\t{sentence}\n" for sentence in sentences)
    (tmp_path / "text" / "texts.tsv").write_text(lines)
    measured = [
        {"text": "Book a table", "split": "test", "slots": [{"name": "city", "value": "Bonn"}]},
        {"text": "go to oslo", "split": "train", "slots": [{"name": "city", "value": "Oslo"}]},
    ]
    with gzip.open(tmp_path / "text" / "nlu.jsonl.gz", "wt") as file:
        file.write("".join(json.dumps(row) + "\n" for row in measured))
    return tmp_path


def test_spoken_sentences_and_evaluation_sentences_are_excluded(data: Path) -> None:
    assert unspoken(data) == ["call ann"]


def test_names_in_evaluation_sentences_are_excluded(data: Path) -> None:
    (data / "people.txt").write_text("Zoë Abel\n\n")
    lists = read_lists(data, data / "people.txt")
    assert (list(lists.places), list(lists.people)) == (["oslo"], ["zoe abel"])
    assert "abel" in lists.words
    (data / "people.txt").write_text("!\n")
    with pytest.raises(LayoutError, match="has no names"):
        read_lists(data, data / "people.txt")


def test_the_step_writes_what_synthesize_reads(
    data: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    out = data / "texts.tsv"
    words = ["make-texts", "--data", str(data), "--kinds", "letters", "time", "sentences",
             "--count", "40", "--out", str(out)]  # fmt: skip
    assert main(words) == 0
    lines = read_lines(out)
    assert f"{len(lines)} texts" in capsys.readouterr().out
    assert Line("call ann", "call ann") in lines
    assert any(line.say != line.text for line in lines)
