"""A wake word is loaded as its manifest says, or not at all; an owner's own needs no manifest."""

from __future__ import annotations

import os
import shutil
from pathlib import Path

import pytest

from auricle.config import Config, locations
from auricle.config.schema import WakeModel, WakeSettings
from auricle.errors import ModelError
from auricle.service.assembly import load_wake
from auricle.wake.micro_wake_word import load_wake_word

SHIPPED = Path(__file__).parents[2] / "models" / "wake"


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A copy of the shipped folder."""
    return Path(shutil.copytree(SHIPPED, tmp_path / "models" / "wake"))


@pytest.fixture
def own(tmp_path: Path) -> Path:
    """An own model in a folder without a manifest."""
    folder = tmp_path / "own"
    folder.mkdir()
    for suffix in ("json", "tflite"):
        shutil.copyfile(SHIPPED / f"alexa.{suffix}", folder / f"alexa.{suffix}")
    return Path(shutil.move(folder / "alexa.json", folder / "my_word.json"))


def test_a_changed_cutoff_is_refused(folder: Path) -> None:
    path = folder / "alexa.json"
    path.write_text(path.read_text().replace("0.9", "0.1"))
    with pytest.raises(ModelError, match=r"alexa\.json: sha256 is .* install the bundle again"):
        load_wake_word(path)


@pytest.mark.parametrize("place", [0, 4000, -1])
def test_a_changed_byte_of_a_network_is_refused(folder: Path, place: int) -> None:
    path = folder / "alexa.tflite"
    content = bytearray(path.read_bytes())
    content[place] ^= 1
    path.write_bytes(content)
    with pytest.raises(ModelError, match=r"alexa\.tflite: sha256 is"):
        load_wake_word(folder / "alexa.json")


def test_the_network_of_another_word_is_refused(folder: Path) -> None:
    shutil.copyfile(folder / "okay_nabu.tflite", folder / "alexa.tflite")
    with pytest.raises(ModelError, match=r"alexa\.tflite: sha256 is"):
        load_wake_word(folder / "alexa.json")


def test_a_model_that_the_manifest_does_not_list_is_refused(folder: Path) -> None:
    shutil.copyfile(folder / "alexa.json", folder / "my_word.json")
    with pytest.raises(ModelError, match=r"files: 'my_word\.json' is not listed"):
        load_wake_word(folder / "my_word.json")


def test_a_named_model_needs_a_manifest(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (folder / "manifest.yaml").unlink()
    monkeypatch.setattr(locations, "model_folders", lambda: (folder.parent,))
    with pytest.raises(ModelError, match=r"manifest\.yaml: cannot be read"):
        load_wake(Config(wake=WakeSettings(models=(WakeModel(model="alexa"),))))


def test_an_own_model_needs_no_manifest(own: Path) -> None:
    word = load_wake_word(own)
    assert (word.name, word.description.phrase) == ("my_word", "Alexa")
    loaded = load_wake(Config(wake=WakeSettings(models=(WakeModel(model=str(own), cutoff=0.5),))))
    assert loaded.names == ("my_word",)


def test_the_values_of_an_own_model_are_checked(own: Path) -> None:
    own.write_text(own.read_text().replace("0.9", "1" + "0" * 400))
    with pytest.raises(ModelError, match="is a number of 401 characters"):
        load_wake_word(own)


@pytest.mark.parametrize("name", ["my_word.json", "alexa.tflite"])
def test_a_pipe_in_place_of_a_file_is_refused_at_once(own: Path, name: str) -> None:
    path = own.with_name(name)
    path.unlink()
    os.mkfifo(path)
    with pytest.raises(ModelError, match="is not a regular file"):
        load_wake_word(own)
