"""What is shipped: wake words and demo recordings, with where they are from."""

from __future__ import annotations

import hashlib
from pathlib import Path

import pytest
import soundfile
import yaml

from auricle.bundle.manifest import load_bundle
from auricle.wake.micro_wake_word import load_wake_word


def test_the_wake_words_are_as_their_manifest_says(models: Path) -> None:
    folder = models / "wake"
    bundle = load_bundle(folder, "wake")
    assert (bundle.name, bundle.language) == ("wake", "en")
    manifest = yaml.safe_load((folder / "manifest.yaml").read_text(encoding="utf-8"))
    named = {*manifest["files"], "manifest.yaml"}
    assert {path.name for path in folder.iterdir()} == named
    assert manifest["licence"].startswith("Apache-2.0")
    for name, about in manifest["models"].items():
        description = load_wake_word(folder / f"{name}.json").description
        assert description.phrase == about["phrase"]
        assert list(description.languages) == about["languages"]
        assert description.author in manifest["author"]


@pytest.mark.parametrize("name", ["command.flac", "command_with_pause.flac"])
def test_the_demo_is_as_its_manifest_says(models: Path, name: str) -> None:
    folder = models / "demo"
    manifest = yaml.safe_load((folder / "manifest.yaml").read_text(encoding="utf-8"))
    entry = next(entry for entry in manifest["files"] if entry["file"] == name)
    recording = soundfile.info(folder / name)
    assert (recording.samplerate, recording.channels) == (16_000, 1)
    assert recording.duration == pytest.approx(entry["seconds"], abs=0.001)
    assert hashlib.sha256((folder / name).read_bytes()).hexdigest() == entry["sha256"]


def test_all_of_the_demo_may_be_passed_on(models: Path) -> None:
    manifest = yaml.safe_load((models / "demo" / "manifest.yaml").read_text(encoding="utf-8"))
    for piece in manifest["pieces"]:
        assert piece["licence"].startswith(("CC0", "public domain"))
        assert piece["source"]
