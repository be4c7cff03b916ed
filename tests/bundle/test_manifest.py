"""A bundle is taken whole and unchanged, or refused with a reason."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import yaml

from auricle.bundle.manifest import load_bundle
from auricle.errors import ModelError

SHIPPED = Path(__file__).parents[2] / "models" / "en-tiny"


@pytest.fixture
def bundle(tmp_path: Path) -> Path:
    return Path(shutil.copytree(SHIPPED, tmp_path / "bundle"))


def change(bundle: Path, edit: Callable[[dict[str, Any]], None]) -> None:
    path = bundle / "manifest.yaml"
    manifest = yaml.safe_load(path.read_text())
    edit(manifest)
    path.write_text(yaml.safe_dump(manifest))


def test_the_shipped_bundle_is_whole() -> None:
    bundle = load_bundle(SHIPPED, "recognizer")
    assert (bundle.name, bundle.language) == ("en-tiny", "en")
    assert bundle.path("trunk.tflite.gz").is_file()


def test_the_shipped_bundle_tells_what_was_measured_with_it() -> None:
    results = yaml.safe_load((SHIPPED / "manifest.yaml").read_text())["results"]
    assert results is not None, "run `auricle_train evaluate --keep` before a release"
    for measured in (results["first_pass"], results["both_passes"]):
        assert measured["command"].startswith("python -m auricle_train evaluate --data DATA ")
        rates = [one["whole"]["rate"] for one in measured["word_error_rate_percent"].values()]
        assert len(rates) >= 5
        assert all(0 < rate < 100 for rate in rates)


def test_a_damaged_file_is_refused(bundle: Path) -> None:
    content = bytearray((bundle / "joint.tflite.gz").read_bytes())
    content[len(content) // 2] ^= 1
    (bundle / "joint.tflite.gz").write_bytes(content)
    with pytest.raises(ModelError, match=r"joint\.tflite\.gz: sha256 .* install the bundle again"):
        load_bundle(bundle, "recognizer")


def test_a_missing_file_is_refused(bundle: Path) -> None:
    (bundle / "trunk.tflite.gz").unlink()
    with pytest.raises(ModelError, match=r"trunk\.tflite\.gz: cannot be read"):
        load_bundle(bundle, "recognizer")


def test_a_file_that_nobody_has_verified_is_not_given() -> None:
    bundle = load_bundle(SHIPPED, "recognizer")
    assert (SHIPPED / "manifest.yaml").is_file()
    with pytest.raises(ModelError, match=r"files: 'manifest\.yaml' is not listed"):
        bundle.path("manifest.yaml")


@pytest.mark.parametrize("file", ["/etc/hostname", "../joint.tflite", "a/../../joint.tflite"])
def test_a_file_outside_the_bundle_is_refused(bundle: Path, file: str) -> None:
    change(bundle, lambda manifest: manifest["files"].update({file: "0" * 64}))
    with pytest.raises(ModelError, match="is outside the folder of the bundle"):
        load_bundle(bundle, "recognizer")


def test_a_bundle_without_files_is_refused(bundle: Path) -> None:
    change(bundle, lambda manifest: manifest.update(files={}))
    with pytest.raises(ModelError, match="files: the list is empty"):
        load_bundle(bundle, "recognizer")


def test_a_bundle_for_a_newer_auricle_is_refused(bundle: Path) -> None:
    change(bundle, lambda manifest: manifest.update(format=99))
    with pytest.raises(ModelError, match="format 99 is newer than 3"):
        load_bundle(bundle, "recognizer")


def test_a_bundle_of_another_kind_is_refused(bundle: Path) -> None:
    with pytest.raises(ModelError, match="kind is 'recognizer', not 'wake'"):
        load_bundle(bundle, "wake")


@pytest.mark.parametrize("key", ["format", "name", "version", "kind", "language", "files"])
def test_a_missing_key_is_named(bundle: Path, key: str) -> None:
    change(bundle, lambda manifest: manifest.pop(key))
    with pytest.raises(ModelError, match=f"{key}: None is not a"):
        load_bundle(bundle, "recognizer")


@pytest.mark.parametrize("content", ["", "- a", "a: [", "\xff"])
def test_a_manifest_that_is_no_mapping_is_refused(bundle: Path, content: str) -> None:
    (bundle / "manifest.yaml").write_bytes(content.encode("latin-1"))
    with pytest.raises(ModelError, match=r"manifest\.yaml"):
        load_bundle(bundle, "recognizer")


def test_a_missing_folder_is_named(tmp_path: Path) -> None:
    with pytest.raises(ModelError, match="nowhere"):
        load_bundle(tmp_path / "nowhere", "recognizer")
