"""Two builds of the same files give the same package, byte for byte."""

from __future__ import annotations

import json
import os
import re
import subprocess
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]


def run(*command: str, folder: Path) -> None:
    subprocess.run(command, cwd=folder, check=True)


@pytest.fixture(scope="module")
def again(package: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The package, built from the same files in another folder, with other settings."""
    folder = tmp_path_factory.mktemp("again") / "a folder with a longer name"
    folder.mkdir()
    copy = f"git -C {ROOT} ls-files -z | tar -C {ROOT} --null -T - -c | tar -x"
    run("sh", "-c", copy, folder=folder)
    run("git", "init", "--quiet", folder=folder)
    run("git", "add", "--all", folder=folder)
    subprocess.run(
        ["packaging/build-deb", "amd64"],
        cwd=folder,
        env={**os.environ, "TZ": "Pacific/Chatham", "LC_ALL": "C", "HOME": str(folder)},
        umask=0o077,
        check=True,
    )
    return folder / "build" / package.name


@pytest.mark.timeout(1800)
def test_two_builds_are_the_same_bytes(package: Path, again: Path) -> None:
    subprocess.run(["cmp", str(package), str(again)], check=True)


def test_package_lists_its_contents(package: Path, tmp_path: Path) -> None:
    run("dpkg-deb", "--extract", str(package), str(tmp_path), folder=ROOT)
    bill = json.loads((tmp_path / "usr/share/doc/auricle/sbom.cdx.json").read_text())
    listed = {
        (re.sub(r"[-_.]+", "_", component["name"].lower()), component["version"])
        for component in bill["components"]
        if component.get("scope") != "excluded"
    }
    for folder in (tmp_path / "usr/lib/auricle").iterdir():
        for about in folder.glob("*.dist-info"):
            name, _, version = about.name.removesuffix(".dist-info").partition("-")
            assert name == "auricle" or (name.lower(), version) in listed, about
    assert bill["metadata"]["component"]["version"] == package.name.split("_")[1]
