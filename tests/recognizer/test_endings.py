"""What the last words say of whether a command is over."""

from __future__ import annotations

from pathlib import Path

import pytest

from auricle.errors import ModelError
from auricle.recognizer.endings import Endings


@pytest.fixture
def endings(tmp_path: Path) -> Endings:
    path = tmp_path / "endings.txt"
    path.write_text("the\t0\nlight\t0.6\nred light\t0.1\n", encoding="utf-8")
    return Endings.load(path)


def test_two_words_count_before_one(endings: Endings) -> None:
    assert endings.after("turn on the") == 0.0
    assert endings.after("turn on the light") == 0.6
    assert endings.after("turn on the red light") == 0.1
    assert endings.after("light") == 0.6


def test_nothing_is_known_of_other_words(endings: Endings) -> None:
    assert endings.after("turn the batcave") is None
    assert endings.after("") is None


@pytest.mark.parametrize("line", ["the", "the\tmany", "the\t1.5", "the\tnan", "\xff"])
def test_a_damaged_file_is_told(tmp_path: Path, line: str) -> None:
    path = tmp_path / "endings.txt"
    path.write_bytes(line.encode("latin-1"))
    with pytest.raises(ModelError, match=r"endings\.txt: .*install the bundle again"):
        Endings.load(path)


def test_a_missing_file_is_told(tmp_path: Path) -> None:
    with pytest.raises(ModelError, match="No such file"):
        Endings.load(tmp_path / "endings.txt")
