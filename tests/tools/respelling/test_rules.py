"""What the recogniser made of names becomes rules, and the rules a part of its bundle."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest

from auricle.biasing.respelling import Spellings
from auricle.bundle.manifest import load_bundle
from auricle.errors import ArgumentError
from auricle_train.__main__ import main
from auricle_train.respelling.rules import Limits, align, learn
from auricle_train.respelling.transcription import Hearing, read

SHIPPED = Path(__file__).parents[3] / "models" / "en-tiny"
PAIRS = [
    ("lillie kato", "lily cato"),
    ("rosie kent", "rosy cent"),
    ("mattie kohl", "maty kohl"),
    ("annie krug", "annie kruk"),
]


def test_letters_are_aligned_by_their_sounds() -> None:
    _, columns = align("kato lillie", "cato lily")
    assert "".join(letter for letter, _ in columns) == "kato lillie"
    assert "".join(letter for _, letter in columns) == "cato lily"
    assert ("k", "c") in columns
    assert (" ", " ") in columns


def test_a_rule_is_what_happens_often_in_several_names() -> None:
    rules = learn(PAIRS, Limits(names=2, furthest=0.5))
    assert rules["ie_", "y_"] == 0.75
    assert rules["_k", "_c"] == 0.5
    assert ("g_", "k_") not in rules  # in one name alone
    assert not any(" " in letters + others for letters, others in rules)
    assert list(rules.values()) == sorted(rules.values(), reverse=True)


def test_what_was_heard_as_something_else_teaches_nothing() -> None:
    assert learn([("ulrike", "please"), ("ulrike", "police")] * 9, Limits(names=1)) == {}


def test_a_name_that_was_divided_teaches_only_what_lies_within_its_words() -> None:
    rules = learn([("kettering", "cetter ing")], Limits(names=1, furthest=1.0))
    assert ("_k", "_c") in rules
    assert all(letters.count("_") < 2 for letters, _ in rules)


def test_the_words_around_a_name_are_left_out_where_they_are_right() -> None:
    heard = ("call lily please", "call please", "tall lily please", "call lily bead at please")
    found = Hearing("lillie", ("call", "please"), heard)
    assert list(found.middles()) == ["lily", "lily bead at"]
    assert found.said == "call lillie please"


def test_a_bundle_gets_the_table(tmp_path: Path) -> None:
    bundle = tmp_path / "bundle"
    shutil.copytree(SHIPPED, bundle)
    heard = tmp_path / "heard.jsonl"
    rows = [
        {"name": name, "carrier": ["call", "please"], "heard": ["call lily please"]}
        for name in ("lillie", "lilly", "lilie", "lilley")
    ]
    heard.write_text("".join(json.dumps(row) + "\n" for row in rows * 3))
    assert main(["spellings", "--bundle", str(bundle), "--heard", str(heard)]) == 0
    found = load_bundle(bundle, "recognizer")
    Spellings.load(found.path("spellings.tsv"))
    heard.write_text('{"name": "lillie"}\n')
    assert main(["spellings", "--bundle", str(bundle), "--heard", str(heard)]) == 1
    with pytest.raises(ArgumentError, match=r"heard\.jsonl:1: not a recognised name"):
        read(heard)
