"""`etc/auricle.yaml` tells the owner the truth: every key, its default, and what it may be."""

from __future__ import annotations

import re
from dataclasses import Field, fields
from pathlib import Path
from typing import Any

import pytest
import yaml

from auricle.config import Config, load

ROOT = Path(__file__).parents[2]
SHIPPED = ROOT / "etc" / "auricle.yaml"
KEYS = [(section, key) for section in fields(Config) for key in fields(section.metadata["section"])]


def comment_before(section: str, key: str) -> str:
    """Return the words of the comment lines right above a key."""
    lines = SHIPPED.read_text(encoding="utf-8").splitlines()
    index = lines.index(f"{section}:")
    index = next(n for n in range(index, len(lines)) if re.match(rf"  {key}:", lines[n]))
    words: list[str] = []
    while (comment := lines[index - 1].strip()).startswith("#"):
        words = comment.lstrip("#").split() + words
        index -= 1
    return " ".join(words)


def test_the_shipped_file_sets_the_defaults() -> None:
    assert load(SHIPPED) == Config()


def test_the_shipped_file_names_every_key() -> None:
    document = yaml.safe_load(SHIPPED.read_text(encoding="utf-8"))
    written = [(section, key) for section, keys in document.items() for key in keys]
    assert written == [(section.name, key.name) for section, key in KEYS]


@pytest.mark.parametrize(("section", "key"), KEYS, ids=lambda field: field.name)
def test_the_comment_of_a_key_says_what_it_may_be(section: Field[Any], key: Field[Any]) -> None:
    assert key.metadata["check"].expected in comment_before(section.name, key.name)


@pytest.mark.parametrize(("section", "key"), KEYS, ids=lambda field: field.name)
def test_the_default_of_a_key_passes_its_own_check(section: Field[Any], key: Field[Any]) -> None:
    if (section.name, key.name) != ("wake", "models"):  # kept as objects, not as written
        written = list(key.default) if isinstance(key.default, tuple) else key.default
        assert key.metadata["check"].read(written) == key.default


def test_the_shipped_wake_words_are_named() -> None:
    names = {path.stem for path in (ROOT / "models" / "wake").glob("*.json")}
    assert names <= set(re.findall(r"\w+", comment_before("wake", "models")))
