"""Which names are listed to tell said names from, and which are kept for measuring."""

from __future__ import annotations

import gzip
import json
from pathlib import Path

import pytest

from auricle.biasing.context_attention import LETTERS
from auricle_train.__main__ import main
from auricle_train.steps.list_names import PEOPLE


@pytest.fixture
def people(tmp_path: Path) -> Path:
    names = ("MARY SIOBHAN", "JAMES", "SMITH KOWALCZYK D'ANGELO MC-VEIGH")
    for file, column in zip(PEOPLE, names, strict=True):
        rows = [f"{name:<14} 1.006  1.006      1" for name in column.split()]
        (tmp_path / file).write_text("\n".join(rows) + "\n", encoding="utf-8")
    return tmp_path


@pytest.fixture
def data(tmp_path: Path) -> Path:
    """Commands with a contact and a title, as `benchmarks.biasing` measures with."""
    (tmp_path / "text").mkdir()
    slots = [{"name": "contact", "value": "Siobhan Smith"},
             {"name": "track", "value": "The Pharmacy"},
             {"name": "city", "value": "Mary"}]  # fmt: skip
    with gzip.open(tmp_path / "text" / "nlu.jsonl.gz", "wt", encoding="utf-8") as file:
        file.write(json.dumps({"slots": slots}) + "\n")
    return tmp_path


def listed(people: Path, *more: str) -> list[str]:
    out = people / "names.txt"
    words = ("list-names", "--people", str(people), "--people-count", "50", "--out", str(out))
    assert main([*words, *more]) == 0
    return out.read_text(encoding="utf-8").splitlines()


def test_people_their_names_and_words_are_listed_once(people: Path) -> None:
    names = listed(people)
    assert {"mary", "siobhan", "kowalczyk", "d'angelo", "pharmacy"} <= set(names)
    assert any(name.startswith("james ") for name in names)
    assert len(names) == len(set(names))
    assert all(set(name) <= set(LETTERS) for name in names)
    assert "the" not in names  # too frequent to be a name


def test_words_that_are_measured_with_are_left_out(people: Path, data: Path) -> None:
    names = listed(people, "--without", str(data), "--without-words", "kowalczyk")
    words = {word for name in names for word in name.split()}
    assert words.isdisjoint({"siobhan", "pharmacy", "kowalczyk"})
    # A city is not measured with, and a frequent word hides nothing.
    assert {"mary", "d'angelo", "james"} <= words


def test_the_same_seed_lists_the_same(people: Path) -> None:
    assert listed(people) == listed(people)
