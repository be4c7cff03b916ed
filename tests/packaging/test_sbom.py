"""The bill of materials of the Debian package follows the schema of CycloneDX."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from cyclonedx.schema import SchemaVersion
from cyclonedx.validation.json import JsonStrictValidator

ROOT = Path(__file__).parents[2]
SBOM = ROOT / "packaging" / "debian" / "sbom.py"


def wheel(name: str, version: str, file: str, **about: object) -> dict[str, Any]:
    """Return an installed wheel, as in a report of pip."""
    return {
        "download_info": {
            "url": f"https://a.mirror/with/a%20path/{file}",
            "archive_info": {"hashes": {"sha256": "ab" * 32}},
        },
        "metadata": {"metadata_version": "2.1", "name": name, "version": version, **about},
    }


NUMPY = {"license_expression": "BSD-3-Clause AND Zlib"}
INSTALLED = {
    "python3.11.json": [
        wheel("numpy", "2.4.6", "numpy-2.4.6-cp311-cp311-manylinux_2_28_x86_64.whl", **NUMPY),
        wheel(
            "backports.strenum", "1.2.8", "backports_strenum-1.2.8-py3-none-any.whl", license="MIT"
        ),
    ],
    "python3.13.json": [
        wheel("numpy", "2.4.6", "numpy-2.4.6-cp313-cp313-manylinux_2_28_x86_64.whl", **NUMPY),
        wheel(
            "backports.strenum", "1.2.8", "backports_strenum-1.2.8-py3-none-any.whl", license="MIT"
        ),
    ],
    "build-tools.json": [
        wheel(
            "pip",
            "26.3",
            "pip-26.3-py3-none-any.whl",
            license="a text\nof many lines",
            classifier=["Topic :: Software", "License :: OSI Approved :: MIT License"],
        )
    ],
}


@pytest.fixture
def reports(tmp_path: Path) -> Path:
    for name, wheels in INSTALLED.items():
        (tmp_path / name).write_text(json.dumps({"version": "1", "install": wheels}))
    return tmp_path


def written(reports: Path) -> str:
    """Return the bill of materials."""
    arguments = ["0.2.0", "arm64", "1795953600", str(reports), str(ROOT / "models")]
    return subprocess.run(
        [sys.executable, str(SBOM), *arguments], check=True, capture_output=True, text=True
    ).stdout


def test_it_follows_the_schema(reports: Path) -> None:
    assert JsonStrictValidator(SchemaVersion.V1_6).validate_str(written(reports)) is None


def test_each_wheel_is_listed_once_with_licence_and_checksum(reports: Path) -> None:
    bill = json.loads(written(reports))
    libraries = [each for each in bill["components"] if each["type"] == "library"]
    assert [(each["purl"], each.get("scope")) for each in libraries] == [
        (
            "pkg:pypi/backports.strenum@1.2.8?file_name=backports_strenum-1.2.8-py3-none-any.whl",
            None,
        ),
        (
            "pkg:pypi/numpy@2.4.6?file_name=numpy-2.4.6-cp311-cp311-manylinux_2_28_x86_64.whl",
            None,
        ),
        (
            "pkg:pypi/numpy@2.4.6?file_name=numpy-2.4.6-cp313-cp313-manylinux_2_28_x86_64.whl",
            None,
        ),
        ("pkg:pypi/pip@26.3?file_name=pip-26.3-py3-none-any.whl", "excluded"),
    ]
    assert [each["licenses"] for each in libraries] == [
        [{"license": {"name": "MIT"}}],
        [{"expression": "BSD-3-Clause AND Zlib"}],
        [{"expression": "BSD-3-Clause AND Zlib"}],
        [{"license": {"name": "MIT License"}}],
    ]
    assert all(each["hashes"][0]["content"] == "ab" * 32 for each in libraries)


def test_models_are_listed_with_the_checksum_of_each_file(reports: Path) -> None:
    bill = json.loads(written(reports))
    (wake,) = (each for each in bill["components"] if each["name"] == "wake")
    assert wake["type"] == "machine-learning-model"
    manifest = (ROOT / "models" / "wake" / "manifest.yaml").read_text(encoding="utf-8")
    for file in wake["components"]:
        if file["name"] != "manifest.yaml":
            assert f"{file['name']}: {file['hashes'][0]['content']}" in manifest


def test_it_names_neither_the_mirror_nor_the_present_time(reports: Path) -> None:
    text = written(reports)
    assert "a.mirror" not in text
    assert json.loads(text)["metadata"]["timestamp"] == "2026-11-29T12:00:00+00:00"
    assert text == written(reports)


def test_a_library_without_a_licence_is_an_error(reports: Path) -> None:
    unknown = wheel("unknown", "1", "unknown-1-py3-none-any.whl")
    (reports / "python3.11.json").write_text(json.dumps({"install": [unknown]}))
    with pytest.raises(subprocess.CalledProcessError) as caught:
        written(reports)
    assert caught.value.stderr == "unknown 1: its metadata names no licence\n"
